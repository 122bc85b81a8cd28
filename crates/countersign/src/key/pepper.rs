use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::id::Id;

/// What is kept of a key's secret: HMAC-SHA256 under a pepper over the length-framed parts
/// `api-key/v1`, id and secret. Comparing takes the same time wherever the two differ.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// From the bytes that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest([redacted])")
    }
}

/// The digest of a key's secret, and the version of the pepper that made it.
#[derive(Clone, Copy, Debug)]
pub struct KeyDigest {
    /// The pepper's version.
    pub pepper: u32,
    /// The digest.
    pub digest: SecretDigest,
}

/// A secret that the store does not hold in clear, so that a stolen database lets nobody test guesses.
/// Peppers have versions: each digest remembers its own.
#[derive(Clone)]
pub struct Pepper {
    version: u32,
    mac: Hmac<Sha256>,
}

impl Pepper {
    /// A pepper from at least 32 bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidPepper`] when there are fewer.
    pub fn new(version: u32, secret: &[u8]) -> Result<Self, InvalidPepper> {
        if secret.len() < 32 {
            return Err(InvalidPepper);
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| InvalidPepper)?;
        Ok(Self { version, mac })
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The digest of a key's secret.
    #[must_use]
    pub fn digest(&self, id: &Id, secret: &str) -> SecretDigest {
        let mut mac = self.mac.clone();
        for part in [b"api-key/v1".as_slice(), id.as_bytes(), secret.as_bytes()] {
            mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            mac.update(part);
        }
        SecretDigest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper(version {})", self.version)
    }
}

/// Fewer than 32 bytes were given as a pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPepper;

impl fmt::Display for InvalidPepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pepper has at least 32 bytes")
    }
}

impl std::error::Error for InvalidPepper {}

/// The peppers in use: the newest for new digests, all of them for old ones.
#[derive(Clone, Debug)]
pub struct Peppers {
    newest: Pepper,
    older: Arc<[Pepper]>,
}

impl Peppers {
    /// `newest`, and the `older` ones that digests still remember.
    #[must_use]
    pub fn new(newest: Pepper, older: impl IntoIterator<Item = Pepper>) -> Self {
        Self {
            newest,
            older: older.into_iter().collect(),
        }
    }

    /// What to keep of a new secret.
    #[must_use]
    pub fn digest(&self, id: &Id, secret: &str) -> KeyDigest {
        KeyDigest {
            pepper: self.newest.version,
            digest: self.newest.digest(id, secret),
        }
    }

    /// Whether `secret` is the one behind `kept`. Exactly one digest and one comparison are made,
    /// also where there is nothing to compare with: an unknown id takes as long as a wrong secret.
    pub(crate) fn matches(&self, kept: Option<KeyDigest>, id: &Id, secret: &str) -> bool {
        let found = kept.and_then(|kept| {
            let mut all = std::iter::once(&self.newest).chain(self.older.iter());
            let pepper = all.find(|pepper| pepper.version == kept.pepper)?;
            Some((pepper, kept.digest))
        });
        let (pepper, against) = found.unwrap_or((&self.newest, SecretDigest([0; 32])));
        let equal = pepper.digest(id, secret).matches(&against);
        equal && found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper(version: u32) -> Pepper {
        Pepper::new(version, &[u8::try_from(version).unwrap(); 32]).unwrap()
    }

    #[test]
    fn digest_depends_on_pepper_id_and_secret() {
        let (a, b) = (Id::from_bytes([1; 20]), Id::from_bytes([2; 20]));
        let digest = pepper(1).digest(&a, "s");
        assert!(digest.matches(&pepper(1).digest(&a, "s")));
        assert!(!digest.matches(&pepper(1).digest(&b, "s")));
        assert!(!digest.matches(&pepper(1).digest(&a, "t")));
        assert!(!digest.matches(&pepper(2).digest(&a, "s")));
    }

    #[test]
    fn digest_is_hmac_sha256_over_length_framed_parts() {
        // Python: hmac.new(bytes([1])*32, frame(b"api-key/v1")+frame(bytes([1])*20)+frame(b"s"), "sha256")
        let digest = pepper(1).digest(&Id::from_bytes([1; 20]), "s");
        let hex: String = digest
            .as_bytes()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(
            hex,
            "5f730933c8e22dce1139fe9905a22d3ab1fe6c517f89c79ad826d66fa06853e8"
        );
    }

    #[test]
    fn secret_matches_under_the_version_that_made_it_and_no_other() {
        let id = Id::from_bytes([1; 20]);
        let old = pepper(1).digest(&id, "s");
        let peppers = Peppers::new(pepper(2), [pepper(1)]);
        let kept = |pepper| {
            Some(KeyDigest {
                pepper,
                digest: old,
            })
        };
        assert!(peppers.matches(kept(1), &id, "s"));
        assert!(!peppers.matches(kept(1), &id, "t"));
        assert!(!peppers.matches(kept(2), &id, "s"));
        assert!(!peppers.matches(kept(3), &id, "s"));
        assert!(!peppers.matches(None, &id, "s"));
    }

    #[test]
    fn pepper_rejected_when_shorter_than_32_bytes() {
        assert_eq!(Pepper::new(1, &[0; 31]).unwrap_err(), InvalidPepper);
    }
}
