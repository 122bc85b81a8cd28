use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;

use crate::BoxFuture;
use crate::jose::KeySet;
use crate::reason::Reason;

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
    /// A fetch that may bring the key of the token. The token may be accepted after it.
    pub(crate) key_fetch: Option<KeyFetch>,
}

impl From<TokenRejection> for Reason {
    fn from(rejection: TokenRejection) -> Self {
        rejection.reason
    }
}

impl From<Reason> for TokenRejection {
    fn from(reason: Reason) -> Self {
        let key_fetch = None;
        Self { reason, key_fetch }
    }
}
