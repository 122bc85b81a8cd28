//! Checks of Ed25519 public keys.

use curve25519_dalek::edwards::CompressedEdwardsY;

use super::KeyError;

/// The `SubjectPublicKeyInfo` of an Ed25519 key up to the key itself. RFC 8410 §4 permits no other form.
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Returns the key in a `SubjectPublicKeyInfo`.
pub(super) fn from_spki(der: &[u8]) -> Result<&[u8], KeyError> {
    der.strip_prefix(&SPKI).ok_or(KeyError::Malformed)
}

/// Rejects keys that are not the canonical encoding of a point on the curve, and points of small order,
/// for which anyone can create signatures (RFC 8032 §5.1.3, RFC 8725 §3.4).
///
/// aws-lc checks only the length of a key when it is loaded, and accepts points of small order when it
/// verifies; its function for this check is not part of the API of `aws-lc-rs`. Whether a key is on the
/// curve takes field arithmetic, so this is what `curve25519-dalek` is used for, and nothing else: it
/// verifies no signatures.
pub(super) fn check(key: &[u8]) -> Result<(), KeyError> {
    CompressedEdwardsY::from_slice(key)
        .ok()
        .and_then(|encoded| Some((encoded, encoded.decompress()?)))
        .filter(|(encoded, point)| !point.is_small_order() && point.compress() == *encoded)
        .map(drop)
        .ok_or(KeyError::Malformed)
}
