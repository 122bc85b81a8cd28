use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::Id;
use countersign::time::Clock;
use governor::clock::{self, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::Throttled;

/// So many tokens between two looks at which credentials are idle.
const SWEEP: u32 = 4096;

/// How many tokens a credential may have minted: `burst` at once, and as many again in each `per`.
///
/// Clones count together, so that a credential that uses several endpoints is counted once. Only credentials that
/// were judged good are counted, so that memory grows with these and not with guesses.
#[derive(Clone)]
pub struct MintLimit(Arc<Inner>);

struct Inner {
    limiter: RateLimiter<Id, DashMapStateStore<Id>, Ticks, NoOpMiddleware<Nanos>>,
    quota: (u32, u32),
    until_sweep: AtomicU32,
}

impl MintLimit {
    /// A limit by the machine's monotonic clock.
    #[must_use]
    pub fn new(burst: NonZeroU32, per: Duration) -> Self {
        let clock = MonotonicClock;
        let start = clock::Clock::now(&clock);
        Self::ticking(burst, per, Ticks::Monotonic(clock, start))
    }

    /// A limit by a clock of the user's own. One that is set back grants nothing until it is where it was.
    #[must_use]
    pub fn with_clock(burst: NonZeroU32, per: Duration, clock: impl Clock) -> Self {
        Self::ticking(burst, per, Ticks::Injected(Arc::new(clock)))
    }

    fn ticking(burst: NonZeroU32, per: Duration, ticks: Ticks) -> Self {
        // A nanosecond at least, since none at all is no quota.
        let one = (per / burst.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(one)
            .unwrap_or(Quota::per_second(burst))
            .allow_burst(burst);
        let seconds = u32::try_from(per.as_secs()).unwrap_or(u32::MAX);
        Self(Arc::new(Inner {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), ticks),
            quota: (burst.get(), seconds),
            until_sweep: AtomicU32::new(SWEEP),
        }))
    }

    /// Counts one token of a credential.
    pub(crate) fn take(&self, credential: &Id) -> Result<(), Throttled> {
        let inner = &*self.0;
        if inner.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            inner.until_sweep.store(SWEEP, Ordering::Relaxed);
            inner.limiter.retain_recent();
        }
        let now = clock::Clock::now(inner.limiter.clock());
        inner.limiter.check_key(credential).map_err(|until| {
            let wait = until.wait_time_from(now);
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Throttled {
                retry_after: u32::try_from(seconds).unwrap_or(u32::MAX).max(1),
                policy: "mints",
                quota: Some(inner.quota),
            }
        })
    }
}

impl fmt::Debug for MintLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (burst, seconds) = self.0.quota;
        write!(f, "MintLimit({burst} in {seconds} s)")
    }
}

/// Nanoseconds since some moment.
#[derive(Clone)]
enum Ticks {
    Monotonic(MonotonicClock, <MonotonicClock as clock::Clock>::Instant),
    Injected(Arc<dyn Clock>),
}

impl clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        match self {
            Self::Monotonic(clock, start) => clock::Clock::now(clock).duration_since(*start).into(),
            Self::Injected(clock) => {
                let millis = u64::try_from(clock.now().unix_millis()).unwrap_or(0);
                Nanos::from(Duration::from_millis(millis))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::testing::FixedClock;
    use countersign::time::Timestamp;

    #[test]
    fn a_credential_gets_its_burst_and_then_one_for_each_part_of_the_period() {
        let clock = FixedClock::at(Timestamp::from_unix_seconds(1_773_576_000));
        let burst = NonZeroU32::new(4).unwrap();
        let limit = MintLimit::with_clock(burst, Duration::from_secs(60), clock.clone());
        let [one, other] = [1, 2].map(|byte| Id::from_bytes([byte; 20]));
        for _ in 0..4 {
            assert_eq!(limit.take(&one), Ok(()));
        }
        let throttled = Throttled {
            retry_after: 15,
            policy: "mints",
            quota: Some((4, 60)),
        };
        assert_eq!(limit.clone().take(&one), Err(throttled));
        assert_eq!(limit.take(&other), Ok(()));
        clock.advance(Duration::from_millis(14_999));
        assert_eq!(limit.take(&one).unwrap_err().retry_after, 1);
        clock.advance(Duration::from_millis(1));
        assert_eq!(limit.take(&one), Ok(()));
        assert!(limit.take(&one).is_err());
    }
}
