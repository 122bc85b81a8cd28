//! An axum service for browsers, whose token is in a cookie, and for programs with bearer tokens: `cookie ISSUER AUDIENCE`.

use axum::{Router, routing::get};
use countersign::mechanism::Jwt;
use countersign::{AuthLayer, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let jwt = Jwt::issuer(issuer).audience(audience).build()?;
    let layer = AuthLayer::builder()
        .mechanism(jwt.clone())
        .mechanism(jwt.in_cookie("__Host-token".parse()?))
        .build()?;
    // A POST with the cookie is accepted only from pages of this service.
    let app = Router::new()
        .route("/calls", get(calls).post(calls))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn calls(principal: Principal) -> String {
    format!("the calls of {}", principal.subject())
}
