//! Whether 32 bytes are an Ed25519 public key to rely on.

use curve25519_dalek::edwards::CompressedEdwardsY;

use super::KeyError;

/// `SubjectPublicKeyInfo` of an Ed25519 key up to the key itself: the one DER form there is (RFC 8410 §4).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The key in a `SubjectPublicKeyInfo`.
pub(super) fn from_spki(der: &[u8]) -> Result<&[u8], KeyError> {
    der.strip_prefix(&SPKI).ok_or(KeyError::Malformed)
}

/// Refuses what is no point of the curve, or is not written in the one way that it has, and points of
/// small order, for which anybody can make signatures (RFC 8032 §5.1.3, RFC 8725 §3.4).
pub(super) fn check(key: &[u8]) -> Result<(), KeyError> {
    let written = CompressedEdwardsY::from_slice(key).map_err(|_| KeyError::Malformed)?;
    let point = written.decompress().ok_or(KeyError::Malformed)?;
    if point.is_small_order() || point.compress() != written {
        return Err(KeyError::Malformed);
    }
    Ok(())
}
