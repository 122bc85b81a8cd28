//! An axum service behind Keycloak, with roles of the realm: `keycloak ISSUER AUDIENCE`.

use axum::{Router, routing::get};
use countersign::mechanism::Jwt;
use countersign::require::{claim, require, scope};
use countersign::{AuthLayer, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let jwt = Jwt::issuer(issuer)
        .audience(audience)
        .scopes_from([["realm_access", "roles"]])
        .build()?;
    let reader = claim(["resource_access", "calls-api", "roles"]).contains("call-reader");
    let app = Router::new()
        .route("/calls", get(list_calls).layer(require(reader)?))
        .route("/users", get(list_users).layer(require(scope("admin"))?))
        .layer(AuthLayer::builder().mechanism(jwt).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}", principal.subject())
}

async fn list_users() -> &'static str {
    "ada, bob"
}
