use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 digest of a whole API key that another system issued, by which the key can be imported.
///
/// A key can only be imported by its digest if guessing it is hopeless, because SHA-256 is fast: at least 128 of its bits
/// must be random.
///
/// ```
/// use countersign::key::ImportedKey;
///
/// let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
/// assert!(digest.parse::<ImportedKey>().is_ok());
/// assert!("secret".parse::<ImportedKey>().is_err());
/// ```
#[derive(Clone, Copy)]
pub struct ImportedKey([u8; 32]);

impl ImportedKey {
    /// Computes the digest of a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(sha256)
    }

    pub(super) const fn sha256(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ImportedKey {
    /// Writes the digest in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ImportedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImportedKey([redacted])")
    }
}

impl FromStr for ImportedKey {
    type Err = InvalidImportedKey;

    fn from_str(hex: &str) -> Result<Self, InvalidImportedKey> {
        let mut sha256 = [0; 32];
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        if pairs.len() != sha256.len() || !rest.is_empty() {
            return Err(InvalidImportedKey);
        }
        for (byte, pair) in sha256.iter_mut().zip(pairs) {
            let digit = |at: u8| {
                char::from(at)
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            };
            let [high, low] = pair.map(digit);
            *byte = high
                .zip(low)
                .map(|(high, low)| (high << 4) | low)
                .ok_or(InvalidImportedKey)?;
        }
        Ok(Self(sha256))
    }
}

/// The text is not a SHA-256 digest in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a SHA-256 digest: 64 hexadecimal digits")]
pub struct InvalidImportedKey;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_sha256_in_hexadecimal() {
        // printf %s abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(ImportedKey::of(b"abc").to_string(), abc);
        assert_eq!(
            abc.to_uppercase()
                .parse::<ImportedKey>()
                .unwrap()
                .to_string(),
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
                bad.parse::<ImportedKey>().unwrap_err(),
                InvalidImportedKey,
                "{bad}"
            );
        }
    }
}
