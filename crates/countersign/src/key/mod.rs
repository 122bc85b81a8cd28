//! API keys: `<prefix>_<id>_<secret><checksum>`.
//!
//! The id is public and is shown in logs. The secret is 256 random bits in 43 characters of base62.
//! The checksum is CRC-32/ISO-HDLC over all before it in 6 characters, so that scanners, and our own
//! parser, refuse garbage without looking anything up.
//!
//! ```
//! use countersign::key::{self, ApiKey, KeyPrefix};
//! use countersign::{Id, random::SystemRandom};
//!
//! let id: Id = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm".parse()?;
//! let issued = key::generate(&KeyPrefix::default(), &id, &SystemRandom)?;
//! let parsed = ApiKey::parse(issued.key.expose().as_bytes())?;
//! assert_eq!((parsed.prefix(), parsed.id()), ("cs", &id));
//!
//! let cut = &issued.key.expose()[..50];
//! assert!(ApiKey::parse(cut.as_bytes()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base62;
mod pepper;

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::id::Id;
use crate::random::{Random, RandomError};
use crate::secret::Secret;

pub(crate) use pepper::SecretIs;
pub use pepper::{InvalidPepper, KeyDigest, KeyDigests, Pepper, Peppers, SecretDigest};

/// How many characters the secret part has.
pub const SECRET_LEN: usize = 43;
const CHECKSUM_LEN: usize = 6;
const MAX_PREFIX: usize = 32;

/// A presented key whose form and checksum hold. Whether it is anybody's key is not known yet.
#[derive(Clone, Copy)]
pub struct ApiKey<'a> {
    prefix: &'a str,
    id: Id,
    secret: &'a str,
}

impl<'a> ApiKey<'a> {
    /// Takes a presented key apart.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] when the form or the checksum is wrong. No look-up is needed to know.
    pub fn parse(presented: &'a [u8]) -> Result<Self, InvalidKey> {
        const TAIL: usize = 1 + Id::LEN + 1 + SECRET_LEN + CHECKSUM_LEN;
        let text = std::str::from_utf8(presented).map_err(|_| InvalidKey::Form)?;
        // Bytes, not characters, until all are known to be ASCII: no cut can fall inside a letter.
        let at = text.len().checked_sub(TAIL).ok_or(InvalidKey::Form)?;
        if at > MAX_PREFIX || !text.is_ascii() {
            return Err(InvalidKey::Form);
        }
        let (prefix, rest) = text.split_at(at);
        let rest = rest.strip_prefix('_').ok_or(InvalidKey::Form)?;
        let (id, rest) = rest.split_at(Id::LEN);
        let rest = rest.strip_prefix('_').ok_or(InvalidKey::Form)?;
        let (secret, checksum) = rest.split_at(SECRET_LEN);
        if !is_prefix(prefix) || !is_secret(secret) {
            return Err(InvalidKey::Form);
        }
        let id = id.parse().map_err(|_| InvalidKey::Form)?;
        let covered = text.as_bytes().split_at(text.len() - CHECKSUM_LEN).0;
        if base62::decode_u32(checksum.as_bytes()) != Some(crc32fast::hash(covered)) {
            return Err(InvalidKey::Checksum);
        }
        Ok(Self { prefix, id, secret })
    }

    /// The part before the first `_`.
    #[must_use]
    pub fn prefix(&self) -> &'a str {
        self.prefix
    }

    /// The credential's id.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.id
    }

    pub(crate) fn secret(&self) -> &'a str {
        self.secret
    }
}

impl fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}_{}_[redacted])", self.prefix, self.id)
    }
}

/// Whether `text` has the form of a key's secret part.
pub(crate) fn is_secret(text: &str) -> bool {
    // All characters are looked at, so that the time tells nothing of where a foreign one stands.
    let foreign = |found, byte: u8| found | !byte.is_ascii_alphanumeric();
    text.len() == SECRET_LEN && !text.bytes().fold(false, foreign)
}

fn is_prefix(text: &str) -> bool {
    (1..=MAX_PREFIX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Why a presented key is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKey {
    /// It has not the form `<prefix>_<id>_<secret><checksum>`.
    Form,
    /// The form is right, the checksum is not: a typing error, or a guess.
    Checksum,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not of the form <prefix>_<id>_<secret><checksum>",
            Self::Checksum => "the key's checksum does not match",
        })
    }
}

impl std::error::Error for InvalidKey {}

/// What keys begin with: 1 to 32 characters of `[a-z0-9]`, by default `cs`. Scanners find leaked keys
/// by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPrefix(std::sync::Arc<str>);

impl KeyPrefix {
    /// The prefix without its `_`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("cs".into())
    }
}

impl FromStr for KeyPrefix {
    type Err = InvalidKeyPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidKeyPrefix> {
        if is_prefix(text) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidKeyPrefix)
        }
    }
}

/// The text is not a key prefix: 1 to 32 characters of `a-z` and `0-9` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKeyPrefix;

impl fmt::Display for InvalidKeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key prefix is 1 to 32 characters of a-z and 0-9")
    }
}

impl std::error::Error for InvalidKeyPrefix {}

/// A key that was just made. It is shown once; only a digest of it is kept.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    /// The whole string that a client presents.
    pub key: Secret,
    /// The part that goes with the id as Basic, keyId+secret or client_id+client_secret.
    pub secret: Secret,
}

/// Makes the key of credential `id`.
///
/// # Errors
///
/// [`RandomError`] when no random bytes can be had.
pub fn generate(
    prefix: &KeyPrefix,
    id: &Id,
    random: &dyn Random,
) -> Result<IssuedKey, RandomError> {
    let mut bits = Zeroizing::new([0; 32]);
    random.fill(bits.as_mut())?;
    let secret = base62::encode_secret(&bits);
    // Room for all of it at once: growing would leave copies of the secret behind.
    let mut key = String::with_capacity(MAX_PREFIX + 2 + Id::LEN + SECRET_LEN + CHECKSUM_LEN);
    key.push_str(prefix.as_str());
    key.push('_');
    key.push_str(id.text().as_str());
    key.push('_');
    key.push_str(&secret);
    let checksum = base62::encode_u32(crc32fast::hash(key.as_bytes()));
    key.extend(checksum.iter().copied().map(char::from));
    Ok(IssuedKey {
        key: Secret::from(key),
        secret: Secret::from(secret),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;
    use proptest::prelude::*;

    const ID: &str = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm";

    fn issued() -> String {
        generate(&KeyPrefix::default(), &ID.parse().unwrap(), &SystemRandom)
            .unwrap()
            .key
            .expose()
            .to_owned()
    }

    #[test]
    fn checksum_is_crc32_iso_hdlc_in_base62() {
        // CRC-32/ISO-HDLC of "123456789" is 0xCBF43926, the catalogue's check value.
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
        assert_eq!(&base62::encode_u32(0xCBF4_3926), b"3jZRME");
    }

    #[test]
    fn key_rejected_when_cut_lengthened_or_in_another_case() {
        let key = issued();
        assert!(ApiKey::parse(key.as_bytes()).is_ok());
        let shorter = &key[..key.len() - 1];
        for bad in [
            shorter,
            &format!("{key}0"),
            &key.to_uppercase(),
            "cs_",
            "cs",
            "",
        ] {
            assert!(ApiKey::parse(bad.as_bytes()).is_err());
        }
    }

    #[test]
    fn key_rejected_when_any_one_character_is_changed() {
        let key = issued();
        for i in 0..key.len() {
            let mut bytes = key.clone().into_bytes();
            bytes[i] = if bytes[i] == b'x' { b'y' } else { b'x' };
            assert!(ApiKey::parse(&bytes).is_err(), "changed at {i}");
        }
    }

    #[test]
    fn key_rejected_when_not_ascii_or_not_utf8() {
        let key = issued();
        assert!(ApiKey::parse(key.replacen("cs", "é", 1).as_bytes()).is_err());
        assert!(ApiKey::parse(&[0xff; 90]).is_err());
        assert!(ApiKey::parse("é".repeat(60).as_bytes()).is_err());
    }

    #[test]
    fn debug_shows_the_id_and_not_the_secret() {
        let key = issued();
        let parsed = ApiKey::parse(key.as_bytes()).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("ApiKey(cs_{ID}_[redacted])"));
    }

    proptest! {
        #[test]
        fn key_printed_and_parsed_is_itself(prefix in "[a-z0-9]{1,32}", id: [u8; 20]) {
            let id = Id::from_bytes(id);
            let issued = generate(&prefix.parse().unwrap(), &id, &SystemRandom).unwrap();
            let parsed = ApiKey::parse(issued.key.expose().as_bytes()).unwrap();
            prop_assert_eq!(parsed.prefix(), prefix);
            prop_assert_eq!(parsed.id(), &id);
            prop_assert_eq!(parsed.secret(), issued.secret.expose());
        }

        #[test]
        fn garbage_is_never_a_key(garbage in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(ApiKey::parse(&garbage).is_err());
        }
    }
}
