//! An axum service with routes for readers, for writers, and for long-lived credentials alone, and a
//! token endpoint beside them.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, post_service};
use countersign::auth::{AuthLayer, Authenticator};
use countersign::directory::MemoryDirectory;
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic, Jwt};
use countersign::mint::{Issuer, Mint};
use countersign::random::{Random, SystemRandom};
use countersign::registry::MemoryRegistry;
use countersign::rejection::ProblemDetails;
use countersign::require::{primary, require, scope};
use countersign::time::SystemClock;
use countersign::{PrimaryPrincipal, Principal};
use countersign_wire::{OAuth, TokenEndpoint};

/// The service, and the registry that makes keys for it.
///
/// # Errors
///
/// When a key or random bytes cannot be made.
pub fn service() -> Result<(Router, MemoryRegistry), Box<dyn Error>> {
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

    let issuer = Issuer::builder("https://auth.example")
        .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
        .build()?;
    let keys = ApiKeys::new(directory.clone(), peppers.clone());
    let pairs = Basic::new(directory.clone(), peppers);
    let tokens = Jwt::new([issuer.trusted().directory(directory).build()?]);

    // Tokens are got with keys alone: what is given to this builder is all that can mint.
    let authenticator = Authenticator::builder()
        .primary(keys.clone())
        .primary(pairs.clone())
        .build()?;
    let mint = Mint::new(issuer, SystemClock, SystemRandom);
    let endpoint = TokenEndpoint::new(OAuth::default(), authenticator, mint);

    let auth = AuthLayer::builder()
        .mechanism(tokens)
        .primary(keys)
        .primary(pairs)
        .build()?
        .reject_body(ProblemDetails);
    let readers = require(scope("calls:read"))?;
    let writers = require(scope("calls:write"))?;
    let primaries = require(scope("calls:write") & primary())?;
    let router = Router::new()
        .route("/calls", get(whoami).layer(readers))
        .route("/calls", post(whoami).layer(writers))
        .route("/calls/key", get(holder).layer(primaries))
        .layer(auth)
        .route("/oauth/token", post_service(endpoint));
    Ok((router, registry))
}

async fn whoami(principal: Principal) -> String {
    format!("{} {}", principal.scheme().as_str(), principal.scopes())
}

async fn holder(primary: PrimaryPrincipal) -> String {
    let principal = primary.principal();
    format!("{} {}", principal.scheme().as_str(), principal.scopes())
}
