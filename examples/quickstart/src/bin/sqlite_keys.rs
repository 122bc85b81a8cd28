//! An axum service with API keys in SQLite: `sqlite_keys sqlite://keys.db`.

use axum::{Router, routing::get};
use countersign::registry::{Caller, NewKey, Registry as _};
use countersign::{AuthLayer, Principal};
use countersign_store::{Store, StoreOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("missing argument: URL")?;
    let store = Store::open(StoreOptions::new(url)).await?;
    let new = NewKey::new("first", "calls:read".parse()?);
    let created = store.create_key(&Caller::operator("main"), new).await?;
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(AuthLayer::builder().primary(store.api_keys()).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    println!("{}", created.issued.key.expose());
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}", principal.subject())
}
