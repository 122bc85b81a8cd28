//! Rate limits by key: [`RateLimit`].

mod bucket;
mod table;

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::time::Timestamp;

pub(crate) use bucket::Quota;
pub(crate) use table::Table;

/// Limits how often something may happen for each key: `burst` times at once, and as many times again, evenly spread,
/// in each `per`. A `per` of zero limits nothing.
///
/// Clones share their counts. At most 65,536 keys are counted; beyond that, the keys that were not used for longest are
/// forgotten first.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use countersign::limit::RateLimit;
/// use countersign::time::Timestamp;
///
/// let limit = RateLimit::new(NonZeroU32::MIN, Duration::from_secs(10));
/// let now = Timestamp::from_unix_seconds(1_773_576_000);
/// assert_eq!(limit.take("ci", now), Ok(()));
/// assert_eq!(limit.take("ci", now), Err(Duration::from_secs(10)));
/// assert_eq!(limit.take("another", now), Ok(()));
/// ```
#[derive(Clone)]
pub struct RateLimit<K> {
    quota: Quota,
    table: Arc<Mutex<Table<K>>>,
}

impl<K: Copy + Eq + Hash> RateLimit<K> {
    /// Creates a limit of `burst` times in each `per`.
    #[must_use]
    pub fn new(burst: NonZeroU32, per: Duration) -> Self {
        Self {
            quota: Quota { burst, per },
            table: Arc::new(Mutex::new(Table::new())),
        }
    }

    /// Counts one more time for `key`.
    ///
    /// # Errors
    ///
    /// Returns the time until there is room for `key` again. Nothing is counted then.
    pub fn take(&self, key: K, now: Timestamp) -> Result<(), Duration> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = table.touch(key, self.quota.per, now);
        match bucket.wait(self.quota, now) {
            Some(wait) => Err(wait),
            None => {
                bucket.fill(self.quota, now);
                Ok(())
            }
        }
    }

    /// Returns how many times `per` allows, and `per`.
    #[must_use]
    pub fn quota(&self) -> (NonZeroU32, Duration) {
        (self.quota.burst, self.quota.per)
    }
}

impl<K> fmt::Debug for RateLimit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quota { burst, per } = self.quota;
        write!(f, "RateLimit({burst} in {per:?})")
    }
}
