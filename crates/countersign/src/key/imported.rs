use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

/// The digest of a whole API key that another system issued, by which the key can be imported: SHA-256, or HMAC-SHA256
/// under a key of that system.
///
/// A key can only be imported by its digest if guessing it is hopeless, because SHA-256 is fast: at least 128 of its bits
/// must be random.
///
/// ```
/// use countersign::key::ImportedKey;
///
/// let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
/// assert!(ImportedKey::from_sha256(digest).is_ok());
/// assert!(ImportedKey::from_sha256("secret").is_err());
/// ```
#[derive(Clone, Copy)]
pub struct ImportedKey(pub(super) ImportedDigest);

#[derive(Clone, Copy)]
pub(super) enum ImportedDigest {
    Sha256([u8; 32]),
    /// With the version of its pepper.
    Hmac(u32, [u8; 32]),
}

impl ImportedKey {
    /// Computes the SHA-256 digest of a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(ImportedDigest::Sha256(sha256(key)))
    }

    /// Reads a SHA-256 digest in hexadecimal.
    ///
    /// # Errors
    ///
    /// [`InvalidImportedKey`] if it is not 64 hexadecimal digits.
    pub fn from_sha256(hex: &str) -> Result<Self, InvalidImportedKey> {
        Ok(Self(ImportedDigest::Sha256(from_hex(hex)?)))
    }

    /// Reads an HMAC-SHA256 in hexadecimal. `pepper` is the version of the [imported](super::Pepper::imported) pepper with
    /// its key.
    ///
    /// # Errors
    ///
    /// [`InvalidImportedKey`] if it is not 64 hexadecimal digits.
    pub fn from_hmac(hex: &str, pepper: u32) -> Result<Self, InvalidImportedKey> {
        Ok(Self(ImportedDigest::Hmac(pepper, from_hex(hex)?)))
    }

    /// Returns the digest in hexadecimal.
    #[must_use]
    pub fn to_hex(&self) -> String {
        let (ImportedDigest::Sha256(digest) | ImportedDigest::Hmac(_, digest)) = &self.0;
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

pub(super) fn sha256(key: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, key).as_ref());
    sha256
}

/// Reads a digest in hexadecimal.
pub(crate) fn from_hex(hex: &str) -> Result<[u8; 32], InvalidImportedKey> {
    let mut digest = [0; 32];
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return Err(InvalidImportedKey);
    }
    let digit = |at: u8| char::from(at).to_digit(16);
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        let value = digit(*high)
            .zip(digit(*low))
            .map(|(high, low)| 16 * high + low);
        let value = value.and_then(|value| u8::try_from(value).ok());
        *byte = value.ok_or(InvalidImportedKey)?;
    }
    Ok(digest)
}

impl fmt::Debug for ImportedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImportedKey([redacted])")
    }
}

/// The text is not a digest in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a digest of 64 hexadecimal digits")]
pub struct InvalidImportedKey;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_sha256_in_hexadecimal() {
        // printf %s abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(ImportedKey::of(b"abc").to_hex(), abc);
        assert_eq!(
            ImportedKey::from_sha256(&abc.to_uppercase())
                .unwrap()
                .to_hex(),
            abc
        );
        for bad in [
            &abc[1..],
            &abc[2..],
            "",
            &abc.replace('b', "g"),
            &abc.replace("ba", "é"),
        ] {
            assert_eq!(
                ImportedKey::from_sha256(bad).unwrap_err(),
                InvalidImportedKey,
                "{bad}"
            );
        }
    }
}
