//! Minting short-lived access tokens (RFC 9068) for primary principals.
//!
//! ```
//! use std::time::Duration;
//! use countersign::jose::{Algorithm, SigningKey};
//! use countersign::mint::{Issuer, Mint, MintError, MintParameters, MintRequest};
//! use countersign::principal::PrimaryPrincipal;
//! use countersign::random::SystemRandom;
//! use countersign::time::SystemClock;
//!
//! let issuer = Issuer::builder("https://auth.example")
//!     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
//!     .build()?;
//! let mint = Mint::new(issuer, SystemClock, SystemRandom);
//!
//! fn token_for(mint: &Mint, principal: PrimaryPrincipal) -> Result<String, MintError> {
//!     let parameters = MintParameters { lifetime: Some(Duration::from_secs(300)), ..Default::default() };
//!     let token = mint.mint(&MintRequest::new(principal, parameters))?;
//!     Ok(token.token.expose().to_owned())
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
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

mod error;
mod issuer;
mod request;
mod service;

pub use error::MintError;
pub use issuer::{Issuer, IssuerBuilder, IssuerError, Terms};
pub use request::{AccessToken, MintParameters, MintRequest};
pub use service::Mint;
