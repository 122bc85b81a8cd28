//! Minting short-lived access tokens (RFC 9068) for primary principals.
//!
//! ```
//! # use std::sync::Arc;
//! # use countersign::directory::MemoryDirectory;
//! # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
//! # use countersign::key::{Pepper, Peppers};
//! use std::time::Duration;
//! use countersign::auth::Authenticator;
//! use countersign::credentials::{Credentials, RequestHead};
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
//! // The key has the scope `calls:read`.
//! let keys = Authenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
//! let principal = keys.authenticate(Credentials::key(key), &RequestHead::empty()).await?;
//! let principal = principal.primary().expect("an API key is a primary credential");
//!
//! let parameters = MintParameters::default().lifetime(Duration::from_secs(300));
//! let token = mint.mint(&MintRequest::new(principal.clone(), parameters))?;
//! assert_eq!((token.expires_in, token.scopes.as_str()), (300, "calls:read"));
//!
//! let parameters = MintParameters::default().scopes("calls:write".parse()?);
//! let rejected = mint.mint(&MintRequest::new(principal, parameters));
//! assert_eq!(rejected.unwrap_err(), MintError::Scope("calls:write".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! The [`Principal`](crate::Principal) of a bearer token is not a
//! [`PrimaryPrincipal`](crate::principal::PrimaryPrincipal) and cannot be converted into one, so this
//! does not compile:
//!
//! ```compile_fail,E0308
//! use countersign::mint::{MintParameters, MintRequest};
//!
//! fn chain(bearer: countersign::Principal) -> MintRequest {
//!     MintRequest::new(bearer, MintParameters::default())
//! }
//! ```

mod claims;
mod issuer;
mod managed;
mod request;
mod service;
mod session;
mod settings;

pub use issuer::{Issuer, IssuerBuilder, IssuerError};
pub use request::{MintParameters, MintRequest};
pub use service::Mint;
pub use session::SessionMint;
pub use settings::{IssuanceSettings, ScopeError};

pub use crate::token::{AccessToken, MintError};
