//! Serves on 127.0.0.1:50051 with one key, which it prints.

use std::error::Error;
use std::sync::Arc;

use countersign::directory::MemoryDirectory;
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mint::Issuer;
use countersign::random::{Random as _, SystemRandom};
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::time::SystemClock;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
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
    let new = NewKey::new("first", "calls:read calls:write".parse()?);
    let key = registry.create_key(&Caller::operator("main"), new).await?;
    let issuer = Issuer::builder("https://auth.example")
        .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
        .build()?;
    let service = tonic_service::service(directory, peppers, issuer.trusted().build()?)?;
    println!(
        "listening on 127.0.0.1:50051; send `x-api-key: {}`",
        key.issued.key.expose()
    );
    service.serve(([127, 0, 0, 1], 50051).into()).await?;
    Ok(())
}
