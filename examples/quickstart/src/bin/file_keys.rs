//! An axum service with API keys in a file: `file_keys keys.toml`, or in the variable `API_KEYS`.

use std::time::Duration;

use axum::{Router, routing::get};
use countersign::file::FileCredentials;
use countersign::{AuthLayer, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys = match std::env::args().nth(1) {
        Some(path) => FileCredentials::open(path)?,
        None => FileCredentials::from_env("API_KEYS")?,
    };
    tokio::spawn(keys.watch(Duration::from_secs(5)));
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(AuthLayer::builder().primary(keys.api_keys()).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}", principal.name().unwrap_or_default())
}
