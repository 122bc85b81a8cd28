//! An axum service that accepts the tokens of an identity provider: `identity_provider ISSUER AUDIENCE`.

use axum::{Router, routing::get};
use countersign::mechanism::Jwt;
use countersign::require::{require, scope};
use countersign::{AuthLayer, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let jwt = Jwt::issuer(issuer).audience(audience).build()?;
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(require(scope("calls:read"))?)
        .layer(AuthLayer::builder().mechanism(jwt).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}", principal.subject())
}
