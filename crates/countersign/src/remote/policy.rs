use std::time::Duration;

use super::RemoteError;

/// When keys are fetched, and how long they are valid. The [module](crate::remote) describes the
/// algorithm.
///
/// ```
/// use countersign::remote::RefreshPolicy;
/// use std::time::Duration;
///
/// let policy = RefreshPolicy { ttl: Duration::from_secs(60), ..RefreshPolicy::default() };
/// assert_eq!(policy.minimum_interval, Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is meant for `..RefreshPolicy::default()`"
)]
pub struct RefreshPolicy {
    /// The interval between regular fetches, 5 min by default. A withdrawn key is accepted until the next
    /// successful fetch.
    pub ttl: Duration,
    /// The minimum interval between fetches for tokens with unknown keys, 30 s by default, and at least 1 s. A key
    /// that signs before it is published is rejected for at most that long.
    pub minimum_interval: Duration,
    /// How long keys are valid after the issuer last confirmed them, 24 h by default, and at most 366 days.
    pub max_stale: Duration,
    /// The time limit for each document, 10 s by default, and at most 60 s.
    pub timeout: Duration,
    /// How long requests with an unknown key wait for a fetch, from its beginning, 2 s by default. With zero,
    /// requests do not wait.
    pub patience: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            minimum_interval: Duration::from_secs(30),
            max_stale: Duration::from_secs(24 * 3600),
            timeout: Duration::from_secs(10),
            patience: Duration::from_secs(2),
        }
    }
}

impl RefreshPolicy {
    pub(super) fn check(&self) -> Result<(), RemoteError> {
        let valid = self.minimum_interval >= Duration::from_secs(1)
            && self.ttl >= self.minimum_interval
            && self.max_stale > self.ttl
            // Longer durations could overflow when they are added to the clock.
            && self.max_stale <= Duration::from_secs(366 * 24 * 3600)
            && !self.timeout.is_zero()
            && self.timeout <= Duration::from_secs(60);
        valid.then_some(()).ok_or(RemoteError::Policy)
    }
}
