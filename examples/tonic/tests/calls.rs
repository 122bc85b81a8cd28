//! What a tonic client sees, over real HTTP/2.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::Id;
use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::{Credential, Directory, MemoryDirectory, StaleView, UserName};
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::ApiKeys;
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::time::SystemClock;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_service::proto::calls_client::CallsClient;
use tonic_service::proto::{DeleteRequest, ListReply, ListRequest, PurgeRequest};

/// A directory that can be told to check_freshness for nothing.
#[derive(Default)]
struct Moody {
    table: Arc<MemoryDirectory>,
    stale: AtomicBool,
}

impl Directory for Moody {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.table.credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.table.user(name)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.table.lowest_generation(entity)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.table.is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        if self.stale.load(Ordering::SeqCst) {
            return Err(StaleView);
        }
        Ok(())
    }
}

struct Fixture {
    client: CallsClient<Channel>,
    directory: Arc<Moody>,
    reader: String,
    writer: String,
    token: String,
}

async fn fixture() -> Fixture {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(Moody::default());
    let table = Arc::clone(&directory.table);
    let registry = MemoryRegistry::new(table, peppers.clone(), SystemClock, SystemRandom).unwrap();
    let me = Caller::operator("test");
    let make = async |scopes: &str| {
        let new = NewKey::new("test", scopes.parse().unwrap());
        registry.create_key(&me, new).await.unwrap().issued.key
    };
    let (reader, writer) = (make("calls:read").await, make("calls:write").await);
    let issuer = Issuer::builder("https://auth.example")
        .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
        .build()
        .unwrap();
    let shared: Arc<dyn Directory> = directory.clone();
    let keys = ApiKeys::new(Arc::clone(&shared), peppers.clone());
    let authenticator = Authenticator::builder().primary(keys).build().unwrap();
    let principal =
        authenticator.authenticate(Credentials::key(reader.clone()), &RequestHead::empty());
    let request = MintRequest::new(
        principal.await.unwrap().primary().unwrap(),
        MintParameters::default(),
    );
    let minted = Mint::new(issuer.clone(), SystemClock, SystemRandom).mint(&request);
    let token = minted.unwrap().token.expose().to_owned();

    let trusted = issuer
        .trusted()
        .directory(Arc::clone(&shared))
        .build()
        .unwrap();
    let service = tonic_service::service(shared, peppers, trusted).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(service.serve_with_incoming(TcpListenerStream::new(listener)));
    Fixture {
        client: CallsClient::connect(format!("http://{address}"))
            .await
            .unwrap(),
        directory,
        reader: reader.expose().to_owned(),
        writer: writer.expose().to_owned(),
        token,
    }
}

fn with<T>(message: T, name: &'static str, value: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(name, value.parse().unwrap());
    request
}

impl Fixture {
    async fn list(&self, name: &'static str, value: &str) -> Result<ListReply, Status> {
        let request = with(ListRequest {}, name, value);
        let reply = self.client.clone().list(request).await?;
        Ok(reply.into_inner())
    }
}

#[tokio::test]
async fn a_good_key_and_a_good_token_are_let_in_and_the_service_knows_who_calls() {
    let fixture = fixture().await;
    let by_key = fixture.list("x-api-key", &fixture.reader).await.unwrap();
    let bearer = format!("Bearer {}", fixture.token);
    let by_token = fixture.list("authorization", &bearer).await.unwrap();
    assert_eq!(by_key.calls, ["one", "two"]);
    assert_eq!(by_key.caller, by_token.caller);
}

#[tokio::test]
async fn missing_invalid_and_several_credentials_are_unauthenticated() {
    let fixture = fixture().await;
    let missing = fixture
        .client
        .clone()
        .list(ListRequest {})
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::Unauthenticated);
    assert_eq!(missing.message(), "Credentials are required.");
    let garbage = fixture
        .list("authorization", "Bearer garbage")
        .await
        .unwrap_err();
    assert_eq!(garbage.code(), Code::Unauthenticated);
    let mut two = with(ListRequest {}, "x-api-key", &fixture.reader);
    let bearer = format!("Bearer {}", fixture.token).parse().unwrap();
    two.metadata_mut().insert("authorization", bearer);
    let two = fixture.client.clone().list(two).await.unwrap_err();
    assert_eq!(two.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_scope_that_is_missing_a_bearer_for_a_primary_and_a_method_that_is_not_listed_are_permission_denied()
 {
    let fixture = fixture().await;
    let mut client = fixture.client.clone();
    let no_scope = fixture
        .list("x-api-key", &fixture.writer)
        .await
        .unwrap_err();
    assert_eq!(no_scope.code(), Code::PermissionDenied);

    let delete = || DeleteRequest {
        call: "one".to_owned(),
    };
    client
        .delete(with(delete(), "x-api-key", &fixture.writer))
        .await
        .unwrap();
    let bearer = format!("Bearer {}", fixture.token);
    let bearer = client
        .delete(with(delete(), "authorization", &bearer))
        .await
        .unwrap_err();
    assert_eq!(bearer.code(), Code::PermissionDenied);

    let unlisted = client
        .purge(with(PurgeRequest {}, "x-api-key", &fixture.writer))
        .await
        .unwrap_err();
    assert_eq!(unlisted.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn stale_directory_is_unavailable() {
    let fixture = fixture().await;
    fixture.directory.stale.store(true, Ordering::SeqCst);
    let status = fixture
        .list("x-api-key", &fixture.reader)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.metadata().get("retry-after").unwrap(), "1");
}

#[tokio::test]
async fn too_many_wrong_passwords_are_resource_exhausted() {
    let fixture = fixture().await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        // ada:wrong
        let status = fixture
            .list("authorization", "Basic YWRhOndyb25n")
            .await
            .unwrap_err();
        codes.push(status.code());
    }
    assert_eq!(codes[0], Code::Unauthenticated);
    assert_eq!(codes[5], Code::ResourceExhausted);
}
