//! API keys: `<prefix>_<id>_<secret><checksum>`.
//!
//! The id is public, and appears in logs. The secret consists of 256 random bits in 43 characters of base62. The
//! checksum is CRC-32/ISO-HDLC over everything before it, in 6 characters, so that scanners and the parser reject
//! garbage without a look-up.
//!
//! ```
//! use countersign::key::{self, ApiKey, InvalidKey, KeyPrefix};
//! use countersign::{Id, random::SystemRandom};
//!
//! let id: Id = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm".parse()?;
//! let issued = key::generate(&KeyPrefix::default(), &id, &SystemRandom)?;
//! let parsed = ApiKey::parse(issued.key.expose().as_bytes())?;
//! assert_eq!((parsed.prefix(), parsed.id()), ("cs", &id));
//!
//! let truncated = &issued.key.expose()[..50];
//! assert_eq!(ApiKey::parse(truncated.as_bytes()).unwrap_err(), InvalidKey::Form);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`KeyDigest`] of the secret under a [`Pepper`] is stored, not the secret itself. The mechanisms
//! and the registry share one [`Peppers`].

mod api_key;
mod base62;
pub(crate) mod digest;
mod imported;
mod mac;
mod pepper;
mod peppers;
mod prefix;

pub(crate) use api_key::is_secret;
pub use api_key::{ApiKey, InvalidKey, IssuedKey, SECRET_LEN, generate};
pub(crate) use digest::{KeyDigest, KeyDigests, SecretDigest};
#[cfg(feature = "file")]
pub(crate) use imported::from_hex as digest_from_hex;
pub use imported::{ImportedKey, InvalidImportedKey};
pub(crate) use mac::MacKey;
pub use pepper::{InvalidPepper, Pepper};
pub use peppers::Peppers;
pub use prefix::{InvalidKeyPrefix, KeyPrefix};
