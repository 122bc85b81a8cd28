//! Minting short-lived access tokens (RFC 9068) for primary principals.
//!
//! ```
//! # use std::sync::Arc;
//! # use countersign::directory::MemoryDirectory;
//! # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
//! # use countersign::key::{Pepper, Peppers};
//! use std::time::Duration;
//! use countersign::auth::PrimaryAuthenticator;
//! use countersign::credentials::Credentials;
//! use countersign::jose::{Algorithm, SigningKey};
//! use countersign::mechanism::ApiKeys;
//! use countersign::mint::{Issuer, Mint, MintError, MintParameters, MintRequest};
//! use countersign::random::SystemRandom;
//! use countersign::time::SystemClock;
//!
//! # tokio_test::block_on(async {
//! # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! # let directory = Arc::new(MemoryDirectory::default());
//! # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
//! # let new = NewKey::new("ci", "calls:read".parse()?);
//! # let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
//! let issuer = Issuer::builder("https://auth.example")
//!     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
//!     .build()?;
//! let mint = Mint::new(issuer, SystemClock, SystemRandom);
//!
//! // The key holds `calls:read`.
//! let keys = PrimaryAuthenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
//! let principal = keys.authenticate(Credentials::key(key)).await?;
//!
//! let brief = MintParameters { lifetime: Some(Duration::from_secs(300)), ..Default::default() };
//! let token = mint.mint(&MintRequest::new(principal.clone(), brief))?;
//! assert_eq!((token.expires_in, token.scopes.as_str()), (300, "calls:read"));
//!
//! let greedy = MintParameters { scopes: Some("calls:write".parse()?), ..Default::default() };
//! let refused = mint.mint(&MintRequest::new(principal, greedy));
//! assert_eq!(refused.unwrap_err(), MintError::Scope("calls:write".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! A [`Principal`](crate::Principal) from a bearer token is not a
//! [`PrimaryPrincipal`](crate::principal::PrimaryPrincipal), and nothing makes one of it, so this does
//! not compile:
//!
//! ```compile_fail,E0308
//! use countersign::mint::{MintParameters, MintRequest};
//!
//! fn chain(bearer: countersign::Principal) -> MintRequest {
//!     MintRequest::new(bearer, MintParameters::default())
//! }
//! ```

mod issuer;
mod managed;
mod request;
mod service;
mod session;

pub use issuer::{IssuanceSettings, Issuer, IssuerBuilder, IssuerError};
pub use request::{MintParameters, MintRequest};
pub use service::Mint;
pub use session::SessionMint;

pub use crate::token::{AccessToken, MintError};
