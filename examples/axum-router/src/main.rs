//! Serves the router, with one key that is printed.
//!
//!     cargo run -p axum-router

use std::error::Error;

use countersign::registry::{Caller, NewKey, Registry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (router, registry) = axum_router::service()?;
    let new = NewKey::new("example", "calls:*".parse()?);
    let me = Caller::operator("example");
    let key = registry.create_key(&me, new).await?.issued.key;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!(
        "curl -H 'x-api-key: {}' http://{address}/calls",
        key.expose()
    );
    axum::serve(listener, router).await?;
    Ok(())
}
