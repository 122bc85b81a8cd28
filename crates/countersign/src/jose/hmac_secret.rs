//! HMAC with SHA-2 (RFC 7518 §3.2), the key schedule done once.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{Algorithm, KeyError};

/// Fewer different bytes than this in a secret, and it is a pattern, not a secret.
const MIN_DISTINCT_BYTES: usize = 8;

/// The first 8 bytes of the SHA-256 of each publicly known secret that is long enough to be a key, in
/// order: those of the list wallarm/jwt-secrets (commit 99e2360) and of the debugger at jwt.io.
const PUBLIC_SECRETS: &[u8] = include_bytes!("public_secrets.bin");

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
    distinct >= MIN_DISTINCT_BYTES && !trimmed.starts_with(b"-----BEGIN") && !is_public(trimmed)
}

fn is_public(secret: &[u8]) -> bool {
    let digest = Sha256::digest(secret);
    let (known, _) = PUBLIC_SECRETS.as_chunks::<8>();
    digest
        .first_chunk::<8>()
        .is_some_and(|prefix| known.binary_search(prefix).is_ok())
}
