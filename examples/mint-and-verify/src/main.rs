//! A key mints a token; the token is accepted, and cannot mint another.
//!
//!     cargo run -p mint-and-verify

use std::error::Error;
use std::sync::Arc;

use countersign::Principal;
use countersign::auth::{AuthLayer, Authenticator};
use countersign::credentials::RequestHead;
use countersign::directory::MemoryDirectory;
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::{Random, SystemRandom};
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
use countersign::time::SystemClock;
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // A place where credentials live, and one key in it.
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
    let new = NewKey::new("example", "calls:*".parse()?);
    let me = Caller::operator("example");
    let key = registry.create_key(&me, new).await?.issued.key;

    // Authenticate the key, and mint a token for it.
    let keys = ApiKeys::new(directory.clone(), peppers);
    let authenticator = Authenticator::builder().primary(keys).build()?;
    let request = Request::get("/").header("x-api-key", key.expose());
    let request = request.body(())?;
    let head = RequestHead::new(&request);
    let credentials = authenticator
        .find_credentials(&head)?
        .ok_or("no credentials in the headers")?;
    let principal = authenticator.authenticate(credentials, &head).await?;
    let principal = principal.primary().ok_or("not a primary principal")?;
    let signing_key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
    let issuer = Issuer::builder("https://auth.example")
        .signing_key(signing_key)
        .build()?;
    let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom);
    let token = mint.mint(&MintRequest::new(principal, MintParameters::default()))?;
    println!("minted {token:?}");

    // A layer that trusts the issuer authenticates the token.
    let jwt = Jwt::new([issuer.trusted().directory(directory).build()?]);
    let service = AuthLayer::builder()
        .mechanism(jwt)
        .build()?
        .layer(service_fn(greet));
    let bearer = format!("Bearer {}", token.token.expose());
    let request = Request::get("/")
        .header("authorization", &bearer)
        .body(())?;
    let accepted = service.clone().oneshot(request).await?;
    println!("{}: {}", accepted.status(), accepted.body());

    // One letter less, and it is not.
    let request = Request::get("/")
        .header("authorization", bearer.trim_end_matches(|c| c != '.'))
        .body(())?;
    let refused = service.oneshot(request).await?;
    println!(
        "{}: {:?}",
        refused.status(),
        refused.headers()["www-authenticate"]
    );
    Ok(())
}

async fn greet(request: Request<()>) -> Result<Response<String>, std::convert::Infallible> {
    let principal = request.extensions().get::<Principal>();
    let primary = principal.is_some_and(|principal| principal.primary().is_some());
    let scheme = principal.map_or("none", |principal| principal.scheme().as_str());
    Ok(Response::new(format!(
        "a {scheme} came; may it mint? {primary}"
    )))
}
