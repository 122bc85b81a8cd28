use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;

use crate::BoxFuture;
use crate::jose::KeySet;
use crate::reason::Reason;

/// Supplies the keys of an issuer that may change while the process runs, such as keys fetched over
/// HTTP.
pub(crate) trait KeySource: Any + fmt::Debug + Send + Sync {
    /// Returns the keys to verify with, or `None` if there are none that are fresh enough.
    fn load(&self) -> Option<Guard<Arc<KeySet>>>;

    /// Returns whether [`load`](Self::load) would return keys.
    fn is_ready(&self) -> bool;

    /// Called for a token whose key is not in `seen`, the keys that [`load`](Self::load) returned. Returns the fetch to
    /// wait for, or `None` if there is none. The future completes when the fetch has ended or has taken too long, and
    /// returns how long it was waited for.
    fn fetch_missing(
        &self,
        seen: Option<&KeySet>,
        key_id: Option<&str>,
    ) -> Option<BoxFuture<'static, Duration>>;
}

/// A fetch of keys that may bring the key of a token.
pub(crate) struct KeyFetch {
    /// Resolves when the fetch has ended or has taken too long, with the time that it was waited for.
    pub(crate) ended: BoxFuture<'static, Duration>,
    /// The reason to reject the token if nothing waits.
    pub(crate) reason: Reason,
}

impl fmt::Debug for KeyFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFetch")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
