//! HMAC with SHA-2 (RFC 7518 §3.2).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use zeroize::Zeroizing;

use super::{Algorithm, KeyError};
use crate::key::MacKey;
use crate::random::Random;

/// A secret with fewer different bytes than this is a pattern.
const MIN_DISTINCT_BYTES: usize = 8;

/// The largest number of bytes of a secret of the minimum length that may be zeros and white space at its ends. Of
/// 10^11 random secrets, less than one has more.
const MAX_PADDING: usize = 7;

/// Publicly known secrets that are long enough to be accepted otherwise, one a line. The file says where
/// they are from and how to update it.
const PUBLIC_SECRETS: &[u8] = include_bytes!("public_secrets.txt");

/// An HMAC key whose key schedule is computed once.
pub(super) enum HmacSecret {
    /// SHA-256, by an implementation that takes less time than that of aws-lc for messages as short as tokens.
    Sha256(MacKey),
    /// SHA-384 or SHA-512.
    Sha512(Box<hmac::Key>),
}

/// A tag of an [`HmacSecret`].
pub(super) enum Tag {
    Sha256([u8; 32]),
    Sha512(hmac::Tag),
}

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Sha256(tag) => tag,
            Self::Sha512(tag) => tag.as_ref(),
        }
    }
}

impl HmacSecret {
    /// Checks a secret, which is at least as long as the hash (RFC 7518 §3.2).
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let hash = hash(algorithm)?;
        if secret.len() < length(hash) || is_weak(hash, secret) {
            return Err(KeyError::WeakSecret);
        }
        Ok(match algorithm {
            Algorithm::Hs256 => Self::Sha256(MacKey::new(secret)),
            _ => Self::Sha512(Box::new(hmac::Key::new(hash, secret))),
        })
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

    pub(super) fn sign(&self, message: &[u8]) -> Tag {
        match self {
            Self::Sha256(key) => Tag::Sha256(key.mac(message)),
            Self::Sha512(key) => Tag::Sha512(hmac::sign(key, message)),
        }
    }

    /// Compares in constant time.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        verify_slices_are_equal(self.sign(message).as_ref(), tag).is_ok()
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

fn is_weak(hash: hmac::Algorithm, secret: &[u8]) -> bool {
    without_padding(secret).len() + MAX_PADDING < length(hash) || is_guessable_secret(hash, secret)
}

/// Returns whether a secret of any length has few different bytes, or is publicly known.
///
/// HMAC fills a secret up to the block of the hash with zeros (RFC 2104 §2), so that a known secret and zeros are the
/// known secret. White space around it is what files and editors add.
pub(crate) fn is_guessable_secret(hash: hmac::Algorithm, secret: &[u8]) -> bool {
    let core = without_padding(secret);
    let distinct = (0..=u8::MAX).filter(|byte| core.contains(byte)).count();
    distinct < MIN_DISTINCT_BYTES
        || core.starts_with(b"-----BEGIN")
        || PUBLIC_SECRETS
            .split(|&byte| byte == b'\n')
            .any(|known| is_same_key(hash, core, known))
}

/// Returns whether a secret is the known one, or its hash, which HMAC uses instead of a secret that is longer than a
/// block.
fn is_same_key(hash: hmac::Algorithm, core: &[u8], known: &[u8]) -> bool {
    let digest = hash.digest_algorithm();
    let is_digest = || without_padding(digest::digest(digest, known).as_ref()) == core;
    known == core || known.len() > digest.block_len() && is_digest()
}

fn without_padding(secret: &[u8]) -> &[u8] {
    let is_padding = |byte: &u8| matches!(byte, 0 | b'\t'..=b'\r' | b' ');
    let start = secret.iter().take_while(|byte| is_padding(byte)).count();
    let rest = secret.get(start..).unwrap_or_default();
    let end = rest
        .iter()
        .rev()
        .take_while(|byte| is_padding(byte))
        .count();
    rest.get(..rest.len() - end).unwrap_or_default()
}
