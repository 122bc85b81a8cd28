//! A gRPC service that accepts the tokens of an identity provider: `quickstart ISSUER AUDIENCE`.

use countersign::AuthLayer;
use countersign::mechanism::Jwt;
use countersign::rejection::Grpc;
use countersign::require::{require_methods, scope};
use tonic::transport::Server;
use tonic_service::{Service, proto::calls_server::CallsServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let jwt = Jwt::issuer(issuer).audience(audience).build()?;
    let auth = AuthLayer::builder()
        .mechanism(jwt)
        .reject_body(Grpc::default())
        .build()?;
    let requirements = require_methods([("/calls.v1.Calls/List", scope("calls:read"))])?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let service = Server::builder()
        .layer(auth)
        .layer(requirements)
        .add_service(CallsServer::new(Service));
    Ok(service
        .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener))
        .await?)
}
