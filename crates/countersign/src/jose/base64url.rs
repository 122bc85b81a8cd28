//! Base64url without padding (RFC 7515 §2). Padding, other alphabets and non-zero trailing bits are
//! rejected.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes into `buffer`, and returns the bytes that were written.
pub(super) fn decode_into<'b>(encoded: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = URL_SAFE_NO_PAD.decode_slice(encoded, buffer).ok()?;
    buffer.get(..length)
}

pub(super) fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(encoded).ok()
}

/// Decodes base64url or base64, with or without padding.
pub(super) fn decode_any_alphabet(encoded: &str) -> Option<Vec<u8>> {
    let text = encoded
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    decode(text.as_bytes())
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the encoded bytes to `out`.
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    // `encode_string` encodes by way of a buffer of its own, which costs more than the encoding.
    let mut text = std::mem::take(out).into_bytes();
    let begin = text.len();
    text.resize(begin + encoded_len(bytes.len()), 0);
    let written = text
        .get_mut(begin..)
        .and_then(|end| URL_SAFE_NO_PAD.encode_slice(bytes, end).ok());
    debug_assert_eq!(written, Some(encoded_len(bytes.len())));
    *out = String::from_utf8(text).unwrap_or_default();
}

/// Returns the length of this many bytes in base64url.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}
