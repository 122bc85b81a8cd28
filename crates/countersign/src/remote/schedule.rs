use std::time::Duration;

use super::RefreshPolicy;

/// The shortest and the longest pause before the first successful fetch.
const COLD_START: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Computes when the next fetch is due. Times are durations since the task was started, on a monotonic clock.
#[derive(Debug)]
pub(super) struct Schedule {
    policy: RefreshPolicy,
    last_begin: Duration,
    pub(super) due: Duration,
    /// Failures since the last success.
    pub(super) failures: u32,
    /// When the last successful fetch began.
    pub(super) last_success: Option<Duration>,
}

/// A uniformly random byte, which spreads the fetches of several nodes over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter(pub(super) u8);

impl Schedule {
    pub(super) fn new(policy: RefreshPolicy) -> Self {
        Self {
            policy,
            last_begin: Duration::ZERO,
            due: Duration::ZERO,
            failures: 0,
            last_success: None,
        }
    }

    /// Returns whether a token may request a fetch. After a failure, only the schedule decides when to retry.
    pub(super) fn may_request(&self, now: Duration) -> bool {
        self.last_success.is_some()
            && self.failures == 0
            && now >= self.last_begin.saturating_add(self.policy.minimum_interval)
    }

    pub(super) fn begin(&mut self, now: Duration) {
        self.last_begin = now;
    }

    /// Records a success, and returns when the keys become too old to verify tokens.
    pub(super) fn succeed(&mut self, now: Duration, jitter: Jitter) -> Duration {
        self.failures = 0;
        self.last_success = Some(self.last_begin);
        let ttl = self.policy.ttl;
        let pause = ttl.saturating_sub(share(ttl / 10, jitter));
        self.due = now.saturating_add(pause.max(self.policy.minimum_interval));
        self.last_begin.saturating_add(self.policy.max_stale)
    }

    /// Records a failure.
    pub(super) fn fail(&mut self, now: Duration, jitter: Jitter) {
        let (shortest, longest) = match self.last_success {
            None => COLD_START,
            Some(_) => (self.policy.minimum_interval, self.policy.ttl),
        };
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let pause = shortest.saturating_mul(doubled).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.due = now
            .saturating_add(pause)
            .saturating_add(share(pause / 4, jitter));
    }
}

/// Returns a random share of `duration`.
fn share(duration: Duration, jitter: Jitter) -> Duration {
    duration.saturating_mul(u32::from(jitter.0)) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: Jitter = Jitter(0);
    const MOST: Jitter = Jitter(255);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn loaded() -> Schedule {
        let mut schedule = Schedule::new(RefreshPolicy::default());
        schedule.begin(secs(0));
        schedule.succeed(secs(0), LEAST);
        schedule
    }

    #[test]
    fn first_fetch_is_due_at_once() {
        assert_eq!(Schedule::new(RefreshPolicy::default()).due, secs(0));
    }

    #[test]
    fn next_fetch_after_a_success_is_due_within_the_last_tenth_of_the_ttl() {
        assert_eq!(loaded().due, secs(300));
        let mut schedule = loaded();
        schedule.succeed(secs(0), MOST);
        assert_eq!(schedule.due, secs(270));
    }

    #[test]
    fn jitter_never_shortens_the_minimum_interval() {
        let mut schedule = Schedule::new(RefreshPolicy {
            ttl: secs(30),
            ..RefreshPolicy::default()
        });
        schedule.succeed(secs(0), MOST);
        assert_eq!(schedule.due, secs(30));
    }

    #[test]
    fn age_of_keys_is_counted_from_the_beginning_of_their_fetch() {
        let mut schedule = Schedule::new(RefreshPolicy {
            max_stale: secs(1000),
            ..RefreshPolicy::default()
        });
        schedule.begin(secs(7));
        assert_eq!(schedule.succeed(secs(12), LEAST), secs(1007));
        assert_eq!(schedule.last_success, Some(secs(7)));
    }

    #[test]
    fn pauses_before_the_first_success_double_from_one_second_to_a_minute() {
        let mut schedule = Schedule::new(RefreshPolicy::default());
        let pauses: Vec<u64> = (0..40)
            .map(|_| {
                schedule.fail(secs(0), LEAST);
                schedule.due.as_secs()
            })
            .collect();
        assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pauses.last(), Some(&60), "doubling never wraps around");
        schedule.fail(secs(0), MOST);
        assert_eq!(schedule.due, secs(75));
    }

    #[test]
    fn pauses_after_failures_double_from_the_minimum_interval_to_the_ttl() {
        let mut schedule = loaded();
        let pauses: Vec<u64> = (0..6)
            .map(|_| {
                schedule.fail(secs(0), LEAST);
                schedule.due.as_secs()
            })
            .collect();
        assert_eq!(pauses, [30, 60, 120, 240, 300, 300]);
        schedule.succeed(secs(0), LEAST);
        schedule.fail(secs(0), LEAST);
        assert_eq!(schedule.due, secs(30), "a success resets the pause");
    }

    #[test]
    fn tokens_may_request_one_fetch_per_minimum_interval_and_none_after_a_failure() {
        let mut schedule = loaded();
        assert!(!schedule.may_request(secs(29)));
        assert!(schedule.may_request(secs(30)));
        schedule.begin(secs(30));
        assert!(!schedule.may_request(secs(59)));
        schedule.fail(secs(31), LEAST);
        assert!(!schedule.may_request(secs(1000)));
        assert!(!Schedule::new(RefreshPolicy::default()).may_request(secs(1000)));
    }
}
