//! `hyper-gateway UPSTREAM`, such as `hyper-gateway 127.0.0.1:3000`: listens on 127.0.0.1:8081 with one key, which it
//! prints.

use std::error::Error;
use std::sync::Arc;

use countersign::AuthLayer;
use countersign::directory::MemoryDirectory;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic};
use countersign::random::{Random as _, SystemRandom};
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::time::SystemClock;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = std::env::args()
        .nth(1)
        .ok_or("usage: hyper-gateway ADDRESS:PORT")?;
    let mut pepper = [0; 32];
    SystemRandom.fill(&mut pepper)?;
    let peppers = Peppers::new(Pepper::new(1, &pepper)?, []);
    let directory = Arc::new(MemoryDirectory::default());
    let registry = MemoryRegistry::new(
        Arc::clone(&directory),
        peppers.clone(),
        SystemClock,
        SystemRandom,
    )?;
    let new = NewKey::new("first", "calls:read".parse()?);
    let key = registry.create_key(&Caller::operator("main"), new).await?;
    let layer = AuthLayer::builder()
        .primary(ApiKeys::new(directory.clone(), peppers.clone()))
        .primary(Basic::new(directory, peppers))
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:8081").await?;
    println!(
        "listening on http://127.0.0.1:8081; send `x-api-key: {}`",
        key.issued.key.expose()
    );
    hyper_gateway::serve(listener, layer, upstream.parse()?).await;
    Ok(())
}
