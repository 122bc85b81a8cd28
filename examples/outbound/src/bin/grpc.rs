//! Calls a gRPC service with a token, through a tonic channel: `grpc ISSUER AUDIENCE URL`.
//!
//! `CLIENT_ID` and `CLIENT_SECRET` are the credentials of this program.

use countersign_client::{BearerLayer, BoxError, Credentials, TokenRequest, Tokens};
use tonic::transport::Channel;
use tonic_service::proto::ListRequest;
use tonic_service::proto::calls_client::CallsClient;
use tower::Layer;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let url = arguments.next().ok_or("missing argument: URL")?;
    let (id, secret) = (std::env::var("CLIENT_ID")?, std::env::var("CLIENT_SECRET")?);
    let tokens = Tokens::discover(&issuer, Credentials::client_secret(id, secret))
        .request(TokenRequest::scopes(["calls:read"]).resource(audience))
        .build()?;
    let channel = Channel::from_shared(url.clone())?.connect().await?;
    let channel = BearerLayer::connected_to(tokens, &url)?.layer(channel);

    let mut client = CallsClient::new(channel);
    let reply = client.list(ListRequest {}).await?.into_inner();
    println!("{}: {}", reply.caller, reply.calls.join(", "));
    Ok(())
}
