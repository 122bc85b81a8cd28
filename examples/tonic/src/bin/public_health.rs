//! A gRPC service whose health is public: `public_health ISSUER AUDIENCE`.

use countersign::require::{public, require_methods, scope};
use countersign::{AuthLayer, mechanism::Jwt, rejection::Grpc};
use tonic::transport::server::{Server, TcpIncoming};
use tonic_service::{Service, proto::calls_server::CallsServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let jwt = Jwt::issuer(issuer).audience(audience).build()?;
    let auth = AuthLayer::builder().mechanism(jwt).build()?.optional();
    let methods = [
        ("/grpc.health.v1.Health/Check", public()),
        ("/grpc.health.v1.Health/Watch", public()),
        ("/calls.v1.Calls/List", scope("calls:read")),
    ];
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<CallsServer<Service>>().await;
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    println!("http://{}", incoming.local_addr()?);
    let server = Server::builder()
        .layer(auth.reject_body(Grpc::default()))
        .layer(require_methods(methods)?)
        .add_service(health_service)
        .add_service(CallsServer::new(Service));
    Ok(server.serve_with_incoming(incoming).await?)
}
