//! The service of the guide `docs/getting-started.md`: `first-service ISSUER ADDRESS`.

use axum::{Router, routing::get};
use countersign::mechanism::Jwt;
use countersign::rejection::ProblemDetails;
use countersign::require::{require, scope};
use countersign::{AuthLayer, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let address = arguments.next().ok_or("missing argument: ADDRESS")?;

    // Tokens of this issuer for this audience. The keys of the issuer are fetched and kept fresh.
    let tokens = Jwt::issuer(&*issuer)
        .audience(&*issuer)
        .scope_patterns()
        .build()?;
    let auth = AuthLayer::builder().mechanism(tokens).build()?;
    let readers = require(scope("calls:read"))?;
    let writers = require(scope("calls:write"))?;
    let app = Router::new()
        .route("/calls", get(list_calls).layer(readers))
        .route("/calls/purge", get(purge_calls).layer(writers))
        .layer(auth.reject_body(ProblemDetails))
        // Routes after the layer are public.
        .route("/health", get(|| async { "ok\n" }));

    let listener = tokio::net::TcpListener::bind(address).await?;
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}\n", principal.subject())
}

async fn purge_calls() -> &'static str {
    "purged\n"
}
