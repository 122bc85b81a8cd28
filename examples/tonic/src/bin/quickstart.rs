//! A gRPC service that accepts the tokens of an identity provider: `quickstart ISSUER AUDIENCE`.

use countersign::require::{require_methods, scope};
use countersign::{AuthLayer, mechanism::Jwt, rejection::Grpc};
use tonic::transport::server::{Server, TcpIncoming};
use tonic_service::{Service, proto::calls_server::CallsServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let jwt = Jwt::issuer(issuer).audience(audience).build()?;
    let auth = AuthLayer::builder().mechanism(jwt);
    let methods = [("/calls.v1.Calls/List", scope("calls:read"))];
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    println!("http://{}", incoming.local_addr()?);
    let server = Server::builder()
        .layer(auth.build()?.reject_body(Grpc::default()))
        .layer(require_methods(methods)?)
        .add_service(CallsServer::new(Service));
    Ok(server.serve_with_incoming(incoming).await?)
}
