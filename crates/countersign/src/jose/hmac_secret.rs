//! HMAC with SHA-2 (RFC 7518 §3.2).

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::{Algorithm, KeyError};
use crate::random::Random;

/// A secret with fewer different bytes than this is a pattern.
const MIN_DISTINCT_BYTES: usize = 8;

/// Publicly known secrets that are long enough to be accepted otherwise, one a line. The file says where
/// they are from and how to update it.
const PUBLIC_SECRETS: &[u8] = include_bytes!("public_secrets.txt");

/// An HMAC key whose key schedule is computed once.
pub(super) struct HmacSecret(hmac::Key);

impl HmacSecret {
    /// Checks a secret, which is at least as long as the hash (RFC 7518 §3.2).
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let hash = hash(algorithm)?;
        if secret.len() < length(hash) || is_weak(secret) {
            return Err(KeyError::WeakSecret);
        }
        Ok(Self(hmac::Key::new(hash, secret)))
    }

    /// Generates a secret as long as the hash.
    pub(super) fn generate(
        algorithm: Algorithm,
        random: &dyn Random,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut secret = Zeroizing::new(vec![0; length(hash(algorithm)?)]);
        random.fill(&mut secret).map_err(|_| KeyError::Failed)?;
        Ok(secret)
    }

    pub(super) fn sign(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, message)
    }

    /// Compares in constant time.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

fn hash(algorithm: Algorithm) -> Result<hmac::Algorithm, KeyError> {
    match algorithm {
        Algorithm::Hs256 => Ok(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Ok(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Ok(hmac::HMAC_SHA512),
        _ => Err(KeyError::Algorithm),
    }
}

fn length(hash: hmac::Algorithm) -> usize {
    hash.digest_algorithm().output_len()
}

fn is_weak(secret: &[u8]) -> bool {
    let distinct = (0..=u8::MAX).filter(|byte| secret.contains(byte)).count();
    let trimmed = secret.trim_ascii();
    distinct < MIN_DISTINCT_BYTES
        || trimmed.starts_with(b"-----BEGIN")
        || PUBLIC_SECRETS
            .split(|&byte| byte == b'\n')
            .any(|known| known == trimmed)
}
