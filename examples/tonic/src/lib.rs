//! A gRPC service with requirements by method. Rejections are gRPC's, so that clients see `UNAUTHENTICATED`,
//! `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED` and `UNAVAILABLE`, and not an HTTP status that they do not know.

use std::error::Error;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use countersign::Principal;
use countersign::auth::AuthLayer;
use countersign::client_address::ClientAddressLayer;
use countersign::directory::Directory;
use countersign::key::Peppers;
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, FailureLimit, Jwt};
use countersign::random::SystemRandom;
use countersign::rejection::Grpc;
use countersign::require::{primary, require_methods, scope};
use countersign::token::TrustedIssuer;
use tonic::transport::server::{Router, TcpConnectInfo};
use tonic::{Request, Response, Status};
use tower::layer::util::{Identity, Stack};

/// What the build makes of `proto/calls.proto`.
#[allow(
    missing_docs,
    unused_qualifications,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod proto {
    tonic::include_proto!("calls.v1");
}

use proto::calls_server::{Calls, CallsServer};
use proto::{DeleteReply, DeleteRequest, ListReply, ListRequest, PurgeReply, PurgeRequest};

/// The layers of [`service`], outermost last.
pub type Layers = Stack<
    countersign::require::RequireLayer<Grpc>,
    Stack<AuthLayer<Grpc>, Stack<ClientAddressLayer, Identity>>,
>;

/// The service over these credentials, and tokens of this issuer.
///
/// # Errors
///
/// When the layers cannot be built, or passwords not be checked.
pub fn service(
    directory: Arc<dyn Directory>,
    peppers: Peppers,
    issuer: TrustedIssuer,
) -> Result<Router<Layers>, Box<dyn Error>> {
    let limit = FailureLimit::new(
        NonZero::<u32>::MIN.saturating_add(4),
        Duration::from_secs(60),
    );
    let keys = ApiKeys::new(Arc::clone(&directory), peppers.clone());
    let basic = Basic::new(directory, peppers).passwords(PasswordHasher::new(1, SystemRandom)?);
    let auth = AuthLayer::builder()
        .mechanism(Jwt::new([issuer]))
        .primary(keys)
        .primary(basic.failure_limit(limit))
        .build()?
        .reject_body(Grpc::default());
    let requirements = require_methods([
        ("/calls.v1.Calls/List", scope("calls:read")),
        ("/calls.v1.Calls/Delete", scope("calls:write") & primary()),
    ])?;
    let address = ClientAddressLayer::from_extensions(|extensions| {
        let peer = extensions.get::<TcpConnectInfo>()?.remote_addr()?;
        Some(peer.ip())
    });
    Ok(tonic::transport::Server::builder()
        .layer(address)
        .layer(auth)
        .layer(requirements)
        .add_service(CallsServer::new(Service)))
}

/// The service `calls.v1.Calls`.
#[derive(Clone, Copy, Debug)]
pub struct Service;

#[tonic::async_trait]
impl Calls for Service {
    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListReply>, Status> {
        let caller = request.extensions().get::<Principal>();
        let caller =
            caller.ok_or_else(|| Status::internal("no layer has authenticated this request"))?;
        Ok(Response::new(ListReply {
            caller: caller.subject().to_owned(),
            calls: vec!["one".to_owned(), "two".to_owned()],
        }))
    }

    async fn delete(&self, _: Request<DeleteRequest>) -> Result<Response<DeleteReply>, Status> {
        Ok(Response::new(DeleteReply {}))
    }

    async fn purge(&self, _: Request<PurgeRequest>) -> Result<Response<PurgeReply>, Status> {
        Ok(Response::new(PurgeReply {}))
    }
}
