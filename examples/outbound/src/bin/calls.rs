//! The second of two services in a chain, which accepts the tokens of the first: `calls ISSUER`.

use axum::{Router, http::HeaderMap, routing::get};
use countersign::mechanism::Jwt;
use countersign::require::{require, scope};
use countersign::{AuthLayer, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::args().nth(1).ok_or("missing argument: ISSUER")?;
    let jwt = Jwt::issuer(issuer)
        .audience("https://calls.example")
        .build()?;
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(require(scope("calls:on-behalf"))?)
        .layer(AuthLayer::builder().mechanism(jwt).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// Believes the header, since only services that may act for others have the scope.
async fn list_calls(service: Principal, headers: HeaderMap) -> String {
    let user = headers.get("on-behalf-of");
    let user = user
        .and_then(|user| user.to_str().ok())
        .unwrap_or("no user");
    format!("calls of {user} for {}", service.subject())
}
