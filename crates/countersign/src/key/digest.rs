use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::time::Timestamp;

/// HMAC-SHA256 under a pepper over the length-prefixed parts `api-key/v1`, id and secret of an API key. Comparison takes
/// the same time wherever two digests differ.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Creates the digest from stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, for storage.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn matches(&self, other: &Self) -> bool {
        // Words are compared in place of bytes, which takes a fifth of the time.
        let (words, others) = (self.0.as_chunks().0, other.0.as_chunks().0);
        let differences = words
            .iter()
            .zip(others)
            .map(|(a, b)| u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b));
        differences.fold(0, |all, word| all | word).ct_eq(&0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest([redacted])")
    }
}

/// The digest of a secret, and the version of its pepper.
#[derive(Clone, Copy, Debug)]
pub struct KeyDigest {
    /// The version of the pepper.
    pub pepper: u32,
    /// The digest.
    pub digest: SecretDigest,
}

/// The stored digests of an API key: that of its current secret, and during the grace period of a rotation that of the
/// previous secret too. Both have the same pepper, so that one digest of a presented secret is compared with both.
#[derive(Clone, Copy, Debug)]
pub struct KeyDigests {
    /// The digest of the current secret.
    pub current: KeyDigest,
    /// The digest of the previous secret, and the end of its grace period.
    pub previous: Option<(SecretDigest, Timestamp)>,
}

impl KeyDigests {
    /// Matches no secret. It is compared with if an id is unknown.
    pub(crate) const DUMMY: Self = Self::new(
        KeyDigest {
            pepper: 0,
            digest: SecretDigest([0; 32]),
        },
        None,
    );

    /// Creates the digests from stored ones: the current one, and the previous one with the end of its grace period.
    #[must_use]
    pub const fn new(current: KeyDigest, previous: Option<(SecretDigest, Timestamp)>) -> Self {
        Self { current, previous }
    }

    /// Returns the end of the grace period, until which the previous secret is valid.
    #[must_use]
    pub fn grace_until(&self) -> Option<Timestamp> {
        self.previous.map(|(_, until)| until)
    }
}
