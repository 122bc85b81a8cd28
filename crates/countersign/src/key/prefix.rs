use std::str::FromStr;
use std::sync::Arc;

/// The longest prefix, in characters.
pub(super) const MAX_LEN: usize = 32;

/// The prefix of API keys: 1 to 32 characters of `[a-z0-9]`, by default `cs`. Scanners find leaked keys by it.
///
/// Set it with [`Peppers::with_prefix`](super::Peppers::with_prefix).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPrefix(Arc<str>);

impl KeyPrefix {
    /// Returns the prefix without the `_` after it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("cs".into())
    }
}

impl FromStr for KeyPrefix {
    type Err = InvalidKeyPrefix;

    /// Parses a prefix.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyPrefix`] unless the text consists of 1 to 32 characters of `[a-z0-9]`.
    fn from_str(text: &str) -> Result<Self, InvalidKeyPrefix> {
        is_prefix(text.as_bytes())
            .then(|| Self(text.into()))
            .ok_or(InvalidKeyPrefix)
    }
}

pub(super) fn is_prefix(text: &[u8]) -> bool {
    let is_valid = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_LEN).contains(&text.len()) && text.iter().all(is_valid)
}

/// The error for a text that is not a prefix of API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key prefix is 1 to 32 characters of a-z and 0-9")]
pub struct InvalidKeyPrefix;
