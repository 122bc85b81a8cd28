//! Access tokens (RFC 9068): trusted issuers, and verification.
//!
//! ```
//! use countersign::jose::{Algorithm, KeySet, SigningKey};
//! use countersign::random::SystemRandom;
//! use countersign::token::{TrustError, TrustedIssuer};
//!
//! let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
//! let issuer = TrustedIssuer::own("https://auth.example")
//!     .audience("https://api.example")
//!     .keys(KeySet::new([key.verifying_key()?])?)
//!     .build()?;
//! assert_eq!(issuer.url(), "https://auth.example");
//!
//! let open = TrustedIssuer::own("https://auth.example").build();
//! assert_eq!(open.unwrap_err(), TrustError::NoAudience);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access_token;
mod builder;
mod cache;
mod caching;
mod claims;
mod external;
#[cfg(feature = "introspection")]
mod introspected;
mod key_source;
mod keys;
mod managed;
mod mint_error;
mod own;
mod revalidate;
mod trust_error;
mod trusted;
mod verified;
mod verify;

pub use access_token::AccessToken;
pub use builder::TrustedIssuerBuilder;
pub(crate) use caching::CachingVerifier;
#[cfg(feature = "introspection")]
pub(crate) use introspected::check_introspected;
pub(crate) use key_source::TokenRejection;
#[cfg(feature = "remote")]
pub(crate) use key_source::{KeyFetch, KeySource};
pub use keys::IssuerKeys;
pub use mint_error::MintError;
#[cfg(feature = "introspection")]
pub(crate) use revalidate::revalidate;
pub use trust_error::TrustError;
pub use trusted::TrustedIssuer;
pub(crate) use verify::{expires_at, issued_at};
