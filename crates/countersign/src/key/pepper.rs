use std::fmt;
#[cfg(feature = "feed")]
use std::sync::Arc;

#[cfg(feature = "feed")]
use zeroize::Zeroizing;

use super::SecretDigest;
use super::imported::sha256;
use super::mac::MacKey;
use crate::id::Id;

/// A key of digests that is not stored in clear beside them, so that a stolen database does not allow to test guesses.
/// Each digest names the version of its pepper.
#[derive(Clone)]
pub struct Pepper {
    version: u32,
    key: MacKey,
    is_imported: bool,
    /// What the key was made from. A feed contains it.
    #[cfg(feature = "feed")]
    secret: Arc<Zeroizing<Vec<u8>>>,
}

impl Pepper {
    fn of(version: u32, secret: &[u8], is_imported: bool) -> Self {
        Self {
            version,
            key: MacKey::new(secret),
            is_imported,
            #[cfg(feature = "feed")]
            secret: Arc::new(Zeroizing::new(secret.to_vec())),
        }
    }

    /// Creates a pepper from at least 32 bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidPepper`] if `secret` is shorter.
    pub fn new(version: u32, secret: &[u8]) -> Result<Self, InvalidPepper> {
        if secret.len() < 32 {
            return Err(InvalidPepper);
        }
        Ok(Self::of(version, secret, false))
    }

    /// Creates a pepper from the key with which another system computed HMAC-SHA256 over its whole API keys. It verifies
    /// imported keys, and makes no new digests.
    ///
    /// # Errors
    ///
    /// [`InvalidPepper`] if `secret` is shorter than 16 bytes.
    pub fn imported(version: u32, secret: &[u8]) -> Result<Self, InvalidPepper> {
        if secret.len() < 16 {
            return Err(InvalidPepper);
        }
        Ok(Self::of(version, secret, true))
    }

    /// Creates the pepper of the keys in files, which is public. The secret of a key has 256 random bits, so that no guess
    /// can be tested with its digest.
    #[cfg(feature = "file")]
    pub(crate) fn of_files() -> Self {
        Self::of(0, b"countersign/file-credentials/v1", false)
    }

    /// Returns the HMAC-SHA256 of these parts, the first of which names their purpose.
    #[cfg(feature = "file")]
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.key.framed_mac(parts)
    }

    pub(crate) const fn is_imported(&self) -> bool {
        self.is_imported
    }

    /// Returns the bytes that the pepper was created from.
    #[cfg(feature = "feed")]
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Returns the version.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Returns the digest of the secret of an API key.
    #[must_use]
    pub fn digest(&self, id: &Id, secret: &str) -> SecretDigest {
        self.digest_bytes(id, secret.as_bytes())
    }

    pub(super) fn digest_bytes(&self, id: &Id, secret: &[u8]) -> SecretDigest {
        let parts = [b"api-key/v1", id.as_bytes().as_slice(), secret];
        SecretDigest::from_bytes(self.key.framed_mac(&parts))
    }

    /// Returns the digest of a whole key that was issued elsewhere, from the SHA-256 of it.
    pub(crate) fn digest_sha256(&self, sha256: &[u8; 32]) -> SecretDigest {
        SecretDigest::from_bytes(self.key.framed_mac(&[b"imported-key/v1", sha256]))
    }

    /// Returns the digest of a whole key that was issued elsewhere, as the other system computed it if the pepper is
    /// imported.
    pub(super) fn digest_whole(&self, key: &[u8]) -> SecretDigest {
        if self.is_imported {
            SecretDigest::from_bytes(self.key.mac(key))
        } else {
            self.digest_sha256(&sha256(key))
        }
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper(version {})", self.version)
    }
}

/// The error for a pepper of less than 32 bytes, or an imported one of less than 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pepper has at least 32 bytes, and an imported one at least 16")]
pub struct InvalidPepper;

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
    fn digest_is_hmac_sha256_over_length_prefixed_parts() {
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
    fn pepper_is_rejected_if_it_is_shorter_than_32_bytes() {
        assert_eq!(Pepper::new(1, &[0; 31]).unwrap_err(), InvalidPepper);
    }
}
