//! An axum service for a browser, in which authentication is optional: `optional ISSUER AUDIENCE`.

use axum::http::{HeaderValue, Method, header};
use axum::{Router, routing::get};
use countersign::mechanism::Jwt;
use countersign::require::{require, scope};
use countersign::{AuthLayer, Principal};
use tower_http::cors::CorsLayer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let jwt = Jwt::issuer(issuer).audience(audience).build()?;
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_static("https://app.example"))
        .allow_methods([Method::GET])
        .allow_headers([header::AUTHORIZATION]);
    let admin = require(scope("calls:admin"))?;
    let app = Router::new()
        .route("/", get(greet))
        .route("/calls", get(|| async { "all calls" }).layer(admin))
        .layer(AuthLayer::builder().mechanism(jwt).build()?.optional())
        // Outside of the layer, so that preflights, which have no credentials, are answered.
        .layer(cors);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn greet(principal: Option<Principal>) -> String {
    let name = principal.as_ref().map_or("stranger", Principal::subject);
    format!("hello, {name}")
}
