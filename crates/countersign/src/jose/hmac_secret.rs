//! HMAC with SHA-2 (RFC 7518 §3.2), the key schedule done once.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{Algorithm, KeyError};

/// Fewer different bytes than this in a secret, and it is a pattern, not a secret.
const MIN_DISTINCT_BYTES: usize = 8;

/// Secrets that stand in manuals and debuggers, long enough to pass as keys.
const PUBLIC_SECRETS: [&str; 5] = [
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "your-256-bit-secret-your-256-bit-secret",
    "the-secret-key-must-be-at-least-32-bytes",
];

#[derive(Clone)]
pub(super) enum HmacSecret {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl HmacSecret {
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let fits = |length| {
            if secret.len() < length || !is_secret(secret) {
                return Err(KeyError::WeakSecret);
            }
            Ok(())
        };
        let failed = |_| KeyError::Failed;
        Ok(match algorithm {
            Algorithm::Hs256 => {
                fits(32)?;
                Self::Sha256(Hmac::new_from_slice(secret).map_err(failed)?)
            }
            Algorithm::Hs384 => {
                fits(48)?;
                Self::Sha384(Hmac::new_from_slice(secret).map_err(failed)?)
            }
            Algorithm::Hs512 => {
                fits(64)?;
                Self::Sha512(Hmac::new_from_slice(secret).map_err(failed)?)
            }
            _ => return Err(KeyError::Algorithm),
        })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Sha256(mac) => mac
                .clone()
                .chain_update(message)
                .finalize()
                .into_bytes()
                .to_vec(),
            Self::Sha384(mac) => mac
                .clone()
                .chain_update(message)
                .finalize()
                .into_bytes()
                .to_vec(),
            Self::Sha512(mac) => mac
                .clone()
                .chain_update(message)
                .finalize()
                .into_bytes()
                .to_vec(),
        })
    }

    /// In constant time.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        match self {
            Self::Sha256(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
            Self::Sha384(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
            Self::Sha512(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
        }
    }
}

fn is_secret(secret: &[u8]) -> bool {
    let mut seen = [false; 256];
    for &byte in secret {
        if let Some(slot) = seen.get_mut(usize::from(byte)) {
            *slot = true;
        }
    }
    let distinct = seen.iter().filter(|&&seen| seen).count();
    let trimmed = secret.trim_ascii();
    distinct >= MIN_DISTINCT_BYTES
        && !trimmed.starts_with(b"-----BEGIN")
        && !PUBLIC_SECRETS
            .iter()
            .any(|known| known.as_bytes() == trimmed)
}
