//! The HTTP shapes of token endpoints, as tower services over any body.
//!
//! A [`Wire`] is one shape: it reads a request into what is asked of the mint, and writes the answer in
//! its own words. Everything that all shapes have in common, the order of judging, the refusal of
//! bearers, the limits, is in the one [`TokenEndpoint`] that drives them.
//!
//! What is not minting stands beside it: long-lived tokens with records ([`ManagedTokenResource`]), a caller's sessions
//! ([`SessionResource`]), [`Introspection`], [`Revocation`], and as a [`Document`] each the JWK set and the authorization
//! server's metadata.
//!
//! With the feature `openapi`, off by default, each of them says what it is in an OpenAPI document.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use countersign::auth::Authenticator;
//! use countersign::directory::MemoryDirectory;
//! use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
//! use countersign::jose::{Algorithm, SigningKey};
//! use countersign::key::{Pepper, Peppers};
//! use countersign::mechanism::{ApiKeys, Basic};
//! use countersign::mint::{Issuer, Mint};
//! use countersign::random::SystemRandom;
//! use countersign::time::SystemClock;
//! use countersign_wire::{OAuth, TokenEndpoint};
//! use http::{Request, StatusCode};
//! use http_body_util::Full;
//! use tower::ServiceExt;
//!
//! # tokio_test::block_on(async {
//! let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! let directory = Arc::new(MemoryDirectory::default());
//! let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
//! let new = NewKey::new("ci", "calls:read".parse()?);
//! let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
//!
//! let authenticator = Authenticator::builder()
//!     .primary(ApiKeys::new(directory.clone(), peppers.clone()))
//!     .primary(Basic::new(directory, peppers))
//!     .build()?;
//! let issuer = Issuer::builder("https://auth.example")
//!     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
//!     .build()?;
//! let mint = Mint::new(issuer, SystemClock, SystemRandom);
//! let endpoint = TokenEndpoint::new(OAuth::default(), authenticator, mint);
//!
//! let ask = |name: &'static str, value: &str| {
//!     Request::post("/oauth/token")
//!         .header(name, value)
//!         .header("content-type", "application/x-www-form-urlencoded")
//!         .body(Full::<Bytes>::from("grant_type=client_credentials"))
//! };
//! let issued = endpoint.clone().oneshot(ask("x-api-key", key.expose())?).await?;
//! assert_eq!(issued.status(), StatusCode::OK);
//!
//! let chained = endpoint.oneshot(ask("authorization", "Bearer whatever")?).await?;
//! assert_eq!(chained.status(), StatusCode::FORBIDDEN);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod body;
mod document;
mod endpoint;
mod envelope;
mod finish;
mod front;
mod json;
mod key_pair;
mod managed;
mod members;
mod mint_limit;
mod oauth;
#[cfg(feature = "openapi")]
pub mod openapi;
mod path;
mod protected_resource;
mod request_id;
mod respond;
mod scoped;
mod session;
mod session_resource;
mod wire;

pub use document::Document;
pub use endpoint::{Minter, TokenEndpoint};
pub use envelope::{Envelope, ErrorStatus};
pub use key_pair::KeySecret;
pub use managed::ManagedTokenResource;
pub use mint_limit::MintLimit;
pub use oauth::{AuthorizationServer, Introspection, OAuth, Revocation};
pub use protected_resource::ProtectedResource;
pub use request_id::RequestId;
pub use scoped::Scoped;
pub use session::Session;
pub use session_resource::SessionResource;
pub use wire::{
    FieldError, FieldErrorCode, RequestContext, Source, Throttled, TokenError, TokenRequest,
    TokenResponse, Wire,
};

/// The body of every response here: whole, in memory.
pub type ResponseBody = http_body_util::Full<bytes::Bytes>;
