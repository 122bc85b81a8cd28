use std::time::Duration;

use super::RemoteError;

/// When keys are fetched, and how long they are good. What each time is for is said in the
/// [module](crate::remote).
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
    /// How often keys are fetched when nothing else happens: 5 min. A withdrawn key is accepted so long.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The least time between two fetches that tokens ask for: 30 s. A key that signs before it is published is
    /// refused so long at worst.
    #[must_use]
    pub fn minimum_interval(mut self, interval: Duration) -> Self {
        self.minimum_interval = interval;
        self
    }

    /// How long keys are good after they were last seen at the issuer: 24 h.
    #[must_use]
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        self
    }

    /// How long one document may take from first to last byte: 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long requests with an unknown key wait for a fetch, counted from its beginning: 2 s. With zero none
    /// waits.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(super) fn check(&self) -> Result<(), RemoteError> {
        let fits = self.minimum_interval >= Duration::from_secs(1)
            && self.ttl >= self.minimum_interval
            && self.max_stale > self.ttl
            // Beyond that, sums with the clock could overflow.
            && self.max_stale <= Duration::from_secs(366 * 24 * 3600)
            && !self.timeout.is_zero()
            && self.timeout <= Duration::from_secs(60);
        if fits {
            Ok(())
        } else {
            Err(RemoteError::Policy)
        }
    }
}
