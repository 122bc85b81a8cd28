//! An axum service behind Auth0, with permissions and claims of a type of its own: `auth0 ISSUER AUDIENCE`.

use axum::{Router, routing::get};
use countersign::AuthLayer;
use countersign::extract::Claims;
use countersign::mechanism::Jwt;
use countersign::require::{require, scope};

#[derive(serde::Deserialize)]
struct User {
    sub: String,
    #[serde(rename = "https://acme.example/roles", default)]
    roles: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let jwt = Jwt::issuer(issuer)
        .audience(audience)
        .scopes_from(["permissions"])
        .build()?;
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(require(scope("read:calls"))?)
        .layer(AuthLayer::builder().mechanism(jwt).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(Claims(user): Claims<User>) -> String {
    format!("the calls of {}, {}", user.sub, user.roles.join(" and "))
}
