//! Keys and algorithms of signed tokens (RFC 7515, 7517, 7518, 8037).
//!
//! Each key has one algorithm. The header of a token cannot choose another one for it (RFC 8725 §3.1).
//! Keys are parsed once, when they are loaded.

mod algorithm;
mod base64url;
mod ed25519;
mod error;
mod hmac_secret;
pub(crate) mod json;
mod jwk;
mod jws;
mod key_set;
mod known_headers;
mod pem;
mod rotating;
mod rsa;
mod signing_key;
mod verifying_key;

pub use algorithm::Algorithm;
pub(crate) use base64url::{encode_into, encoded_len};
pub use error::KeyError;
#[cfg(feature = "webhooks")]
pub(crate) use hmac_secret::is_guessable_secret;
pub(crate) use jws::{CheckedHeader, HeaderBuffer, Jws, SignatureVerified, looks_like_jws};
#[cfg(feature = "remote")]
pub(crate) use key_set::JwksError;
pub use key_set::KeySet;
pub(crate) use known_headers::KnownHeaders;
pub use rotating::{SharedKeySet, SigningKeys};
pub use signing_key::SigningKey;
pub use verifying_key::VerifyingKey;
#[cfg(any(test, feature = "testing"))]
pub(crate) use verifying_key::operations;
