use std::any::Any;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;

use crate::BoxFuture;
use crate::jose::KeySet;
use crate::reason::Reason;

/// The number of characters of a claim that are shown.
const MAX_SHOWN: usize = 200;
/// The number of configured values that are shown.
const MAX_LISTED: usize = 10;

/// Supplies the keys of an issuer that may change while the process runs, such as keys fetched over HTTP.
pub(crate) trait KeySource: Any + fmt::Debug + Send + Sync {
    /// Returns the keys to verify with, or `None` if there are none that are fresh enough.
    fn load(&self) -> Option<Guard<Arc<KeySet>>>;

    /// Returns whether [`load`](Self::load) would return keys.
    fn is_ready(&self) -> bool;

    /// Called for a token whose key is not in `seen`, the keys that [`load`](Self::load) returned. Returns the fetch to
    /// wait for, or `None` if there is none.
    fn fetch_missing(&self, seen: Option<&KeySet>, key_id: Option<&str>) -> Option<KeyFetch>;
}

/// A running fetch of keys. It completes when the fetch has ended or has taken too long, and returns how long it was
/// waited for.
pub(crate) type KeyFetch = BoxFuture<'static, Duration>;

/// The reason why a token is rejected.
pub(crate) struct TokenRejection {
    pub(crate) reason: Reason,
    /// What was found and what is configured, for the operator. It contains text of a token that may be forged.
    pub(crate) explanation: Option<Box<str>>,
    /// A fetch that may bring the key of the token. The token may be accepted after it.
    pub(crate) key_fetch: Option<KeyFetch>,
}

impl TokenRejection {
    /// Returns the rejection of a token in which a claim has none of the configured values.
    pub(super) fn unexpected<'a>(
        reason: Reason,
        claim: &str,
        found: Option<&str>,
        configured: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut text = String::with_capacity(256);
        // Writing to a string never fails.
        let _ = match found {
            None => write!(text, "{claim} is missing, and ["),
            Some(found) => {
                let cut = found.char_indices().nth(MAX_SHOWN);
                let shown = cut.and_then(|(end, _)| found.get(..end)).unwrap_or(found);
                write!(text, "{claim} is {shown:?}, and [")
            }
        };
        for (index, value) in configured.take(MAX_LISTED).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}{value:?}");
        }
        text.push_str("] is configured");
        Self::explained(reason, text)
    }

    pub(super) fn explained(reason: Reason, explanation: String) -> Self {
        Self {
            explanation: Some(explanation.into()),
            ..reason.into()
        }
    }
}

impl From<TokenRejection> for Reason {
    fn from(rejection: TokenRejection) -> Self {
        rejection.reason
    }
}

impl From<Reason> for TokenRejection {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            explanation: None,
            key_fetch: None,
        }
    }
}
