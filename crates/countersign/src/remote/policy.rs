use std::time::Duration;

use super::RemoteError;

/// When keys are fetched, and how long they are valid. The [module](crate::remote) describes the
/// algorithm.
#[derive(Clone, Copy, Debug)]
pub struct RefreshPolicy {
    pub(super) ttl: Duration,
    pub(super) minimum_interval: Duration,
    pub(super) max_stale: Duration,
    pub(super) timeout: Duration,
    pub(super) patience: Duration,
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
    /// Sets the interval between regular fetches, 5 min by default. A withdrawn key is
    /// accepted until the next successful fetch.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the minimum interval between fetches for tokens with unknown keys, 30 s by default. A key that
    /// signs before it is published is rejected for at most that long.
    #[must_use]
    pub fn minimum_interval(mut self, interval: Duration) -> Self {
        self.minimum_interval = interval;
        self
    }

    /// Sets how long keys are valid after the issuer last confirmed them, 24 h by default.
    #[must_use]
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        self
    }

    /// Sets the time limit for each document, 10 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long requests with an unknown key wait for a fetch, from its beginning, 2 s by default. With
    /// zero, requests do not wait.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

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
