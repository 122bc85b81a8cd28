//! The encodings of credentials and tokens, for tests that build requests and read responses.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// Returns the value of `Authorization` for Basic credentials (RFC 7617).
#[must_use]
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Decodes the header of a compact token.
#[must_use]
pub fn header(token: &str) -> Value {
    part(token, 0)
}

/// Decodes the claims of a compact token.
#[must_use]
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
