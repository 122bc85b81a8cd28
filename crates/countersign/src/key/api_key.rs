use std::fmt;

use zeroize::Zeroizing;

use super::base62;
use super::prefix::{self, KeyPrefix};
use crate::ascii::all_bytes;
use crate::id::Id;
use crate::random::{Random, RandomError};
use crate::secret::Secret;

/// The number of characters of the secret part.
pub const SECRET_LEN: usize = 43;
const CHECKSUM_LEN: usize = 6;

/// A presented API key whose form and checksum are valid. It may not belong to a credential.
#[derive(Clone, Copy)]
pub struct ApiKey<'a> {
    prefix: &'a str,
    id: Id,
    secret: &'a [u8; SECRET_LEN],
}

impl<'a> ApiKey<'a> {
    /// Parses a presented key.
    ///
    /// # Errors
    ///
    /// - [`InvalidKey::Form`] if the text does not have the form of a key.
    /// - [`InvalidKey::Checksum`] if the checksum does not match.
    pub fn parse(presented: &'a [u8]) -> Result<Self, InvalidKey> {
        let (covered, checksum) = presented
            .split_last_chunk::<CHECKSUM_LEN>()
            .ok_or(InvalidKey::Form)?;
        let key = Self::split(covered).ok_or(InvalidKey::Form)?;
        if base62::decode_u32(checksum) != Some(crc32fast::hash(covered)) {
            return Err(InvalidKey::Checksum);
        }
        Ok(key)
    }

    /// Splits `<prefix>_<id>_<secret>` by the lengths of its parts, and checks their form.
    fn split(text: &'a [u8]) -> Option<Self> {
        let (rest, secret) = text.split_last_chunk()?;
        let (rest, id) = rest.strip_suffix(b"_")?.split_last_chunk()?;
        let prefix = rest.strip_suffix(b"_")?;
        if !prefix::is_prefix(prefix) || !is_secret(secret) {
            return None;
        }
        Some(Self {
            prefix: std::str::from_utf8(prefix).ok()?,
            id: Id::from_characters(id).ok()?,
            secret,
        })
    }

    /// Returns the part before the first `_`.
    #[must_use]
    pub fn prefix(&self) -> &'a str {
        self.prefix
    }

    /// Returns the id of the credential.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.id
    }

    pub(crate) fn secret(&self) -> &'a [u8] {
        self.secret
    }
}

impl fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}_{}_[redacted])", self.prefix, self.id)
    }
}

/// Returns whether `text` has the form of the secret part of a key.
pub(crate) fn is_secret(text: &[u8]) -> bool {
    text.len() == SECRET_LEN && all_bytes(text, |byte| byte.is_ascii_alphanumeric())
}

/// The reason why a text is not an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The text does not have the form `<prefix>_<id>_<secret><checksum>`.
    #[error("not of the form <prefix>_<id>_<secret><checksum>")]
    Form,
    /// The checksum does not match: the key was mistyped or guessed.
    #[error("the key's checksum does not match")]
    Checksum,
}

/// A newly generated API key. It can be shown only now: only a digest of the secret is stored.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    /// The whole key.
    pub key: Secret,
    /// The secret part, which together with the id serves as user name and password, or client id and client
    /// secret.
    pub secret: Secret,
}

/// Generates an API key for the credential `id`.
///
/// # Errors
///
/// [`RandomError`] if the generator failed.
pub fn generate(
    prefix: &KeyPrefix,
    id: &Id,
    random: &dyn Random,
) -> Result<IssuedKey, RandomError> {
    let mut bits = Zeroizing::new([0; 32]);
    random.fill(bits.as_mut())?;
    let secret = base62::encode_secret(&bits);
    // Sufficient capacity: reallocation would leave copies of the secret in memory.
    let mut key = String::with_capacity(prefix::MAX_LEN + 2 + Id::LEN + SECRET_LEN + CHECKSUM_LEN);
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
    fn key_is_rejected_if_it_is_truncated_extended_or_in_another_case() {
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
    fn key_is_rejected_if_any_character_is_changed() {
        let key = issued();
        for i in 0..key.len() {
            let mut bytes = key.clone().into_bytes();
            bytes[i] = if bytes[i] == b'x' { b'y' } else { b'x' };
            assert!(ApiKey::parse(&bytes).is_err(), "changed at {i}");
        }
    }

    #[test]
    fn key_is_rejected_if_it_is_not_ascii() {
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
        fn key_survives_printing_and_parsing(prefix in "[a-z0-9]{1,32}", id: [u8; 20]) {
            let id = Id::from_bytes(id);
            let issued = generate(&prefix.parse().unwrap(), &id, &SystemRandom).unwrap();
            let parsed = ApiKey::parse(issued.key.expose().as_bytes()).unwrap();
            prop_assert_eq!(parsed.prefix(), prefix);
            prop_assert_eq!(parsed.id(), &id);
            prop_assert_eq!(parsed.secret(), issued.secret.expose().as_bytes());
        }

        #[test]
        fn garbage_is_never_a_key(garbage in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(ApiKey::parse(&garbage).is_err());
        }
    }
}
