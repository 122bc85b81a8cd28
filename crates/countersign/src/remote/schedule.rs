use std::time::Duration;

use super::RefreshPolicy;

/// The shortest and the longest pause while nothing was ever loaded.
const COLD: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// When the next fetch is due. Moments are times since the keys' task was made, on a clock that only moves
/// forward.
#[derive(Debug)]
pub(super) struct Schedule {
    policy: RefreshPolicy,
    began: Duration,
    due: Duration,
    /// In a row.
    failures: u32,
    /// When the fetch began that last told what the keys are.
    good: Option<Duration>,
}

/// Chance: 0 to 255, all equally likely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter(pub(super) u8);

impl Schedule {
    pub(super) fn new(policy: RefreshPolicy) -> Self {
        Self {
            policy,
            began: Duration::ZERO,
            due: Duration::ZERO,
            failures: 0,
            good: None,
        }
    }

    pub(super) fn due(&self) -> Duration {
        self.due
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Since when the keys are known to be the issuer's.
    pub(super) fn good(&self) -> Option<Duration> {
        self.good
    }

    /// Whether a token may ask for a fetch. After a failure none may: when to try again is decided here.
    pub(super) fn may_ask(&self, now: Duration) -> bool {
        self.good.is_some()
            && self.failures == 0
            && now >= self.began.saturating_add(self.policy.minimum_interval)
    }

    pub(super) fn begin(&mut self, now: Duration) {
        self.began = now;
    }

    /// The moment from which on the keys are too old to judge by.
    pub(super) fn succeed(&mut self, now: Duration, jitter: Jitter) -> Duration {
        self.failures = 0;
        self.good = Some(self.began);
        let RefreshPolicy {
            ttl,
            minimum_interval,
            max_stale,
            ..
        } = self.policy;
        let pause = ttl.saturating_sub(share(ttl / 10, jitter));
        self.due = now.saturating_add(pause.max(minimum_interval));
        self.began.saturating_add(max_stale)
    }

    pub(super) fn fail(&mut self, now: Duration, jitter: Jitter) {
        let (shortest, longest) = match self.good {
            None => COLD,
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

/// From nothing to all of it.
fn share(of: Duration, jitter: Jitter) -> Duration {
    of.saturating_mul(u32::from(jitter.0)) / 255
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
        assert_eq!(Schedule::new(RefreshPolicy::default()).due(), secs(0));
    }

    #[test]
    fn next_fetch_after_a_good_one_is_due_within_the_last_tenth_of_the_ttl() {
        assert_eq!(loaded().due(), secs(300));
        let mut schedule = loaded();
        schedule.succeed(secs(0), MOST);
        assert_eq!(schedule.due(), secs(270));
    }

    #[test]
    fn jitter_never_makes_a_fetch_come_before_the_minimum_interval() {
        let mut schedule = Schedule::new(RefreshPolicy::default().ttl(secs(30)));
        schedule.succeed(secs(0), MOST);
        assert_eq!(schedule.due(), secs(30));
    }

    #[test]
    fn keys_age_from_the_moment_at_which_they_were_asked_for() {
        let mut schedule = Schedule::new(RefreshPolicy::default().max_stale(secs(1000)));
        schedule.begin(secs(7));
        assert_eq!(schedule.succeed(secs(12), LEAST), secs(1007));
        assert_eq!(schedule.good(), Some(secs(7)));
    }

    #[test]
    fn pauses_of_a_cold_start_double_from_one_second_to_a_minute() {
        let mut schedule = Schedule::new(RefreshPolicy::default());
        let pauses: Vec<u64> = (0..40)
            .map(|_| {
                schedule.fail(secs(0), LEAST);
                schedule.due().as_secs()
            })
            .collect();
        assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pauses.last(), Some(&60), "and the doubling never wraps");
        schedule.fail(secs(0), MOST);
        assert_eq!(schedule.due(), secs(75));
    }

    #[test]
    fn pauses_after_failures_double_from_the_minimum_interval_to_the_ttl() {
        let mut schedule = loaded();
        let pauses: Vec<u64> = (0..6)
            .map(|_| {
                schedule.fail(secs(0), LEAST);
                schedule.due().as_secs()
            })
            .collect();
        assert_eq!(pauses, [30, 60, 120, 240, 300, 300]);
        schedule.succeed(secs(0), LEAST);
        schedule.fail(secs(0), LEAST);
        assert_eq!(schedule.due(), secs(30), "a good one begins anew");
    }

    #[test]
    fn tokens_may_ask_once_a_minimum_interval_and_never_after_a_failure() {
        let mut schedule = loaded();
        assert!(!schedule.may_ask(secs(29)));
        assert!(schedule.may_ask(secs(30)));
        schedule.begin(secs(30));
        assert!(!schedule.may_ask(secs(59)));
        schedule.fail(secs(31), LEAST);
        assert!(!schedule.may_ask(secs(1000)));
        assert!(!Schedule::new(RefreshPolicy::default()).may_ask(secs(1000)));
    }
}
