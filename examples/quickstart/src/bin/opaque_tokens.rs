//! An axum service that asks the issuer about opaque tokens: `opaque_tokens ISSUER INTROSPECTION_URL AUDIENCE CLIENT_ID`.

use axum::{Router, routing::get};
use countersign::mechanism::OpaqueTokens;
use countersign::{AuthLayer, Principal, Secret};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or(format!("missing argument: {name}"));
    // The secret is no argument, since other users of the machine see arguments.
    let secret = Secret::from(std::env::var("CLIENT_SECRET")?);
    let tokens = OpaqueTokens::issuer(next("ISSUER")?)
        .introspection_url(next("INTROSPECTION_URL")?)
        .audience(next("AUDIENCE")?)
        .client_secret(&next("CLIENT_ID")?, &secret)
        .build()?;
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(AuthLayer::builder().mechanism(tokens).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}", principal.subject())
}
