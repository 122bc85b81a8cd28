//! An axum service with the users of an htpasswd file: `htpasswd_users FILE`.

use std::time::Duration;

use axum::{Router, routing::get};
use countersign::file::FileCredentials;
use countersign::mechanism::{FailureLimit, password::PasswordHasher};
use countersign::random::SystemRandom;
use countersign::{AuthLayer, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("missing argument: FILE")?;
    let users = FileCredentials::htpasswd(path, "calls:read".parse()?)?;
    tokio::spawn(users.watch(Duration::from_secs(5)));
    let hasher = PasswordHasher::new(2, SystemRandom)?;
    let basic = users.basic(hasher).failure_limit(FailureLimit::default());
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(AuthLayer::builder().primary(basic).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}", principal.name().unwrap_or_default())
}
