use std::num::NonZeroU32;
use std::time::Duration;

use crate::time::Timestamp;

/// How many events a bucket holds, and in what time it empties.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    pub(crate) burst: NonZeroU32,
    pub(crate) per: Duration,
}

impl Quota {
    /// Returns the time in which room for one event comes back.
    fn cell(self) -> Duration {
        self.per / self.burst.get()
    }

    /// Returns the capacity in whole cells. `per` may be a few nanoseconds longer, and the last cell would not fit.
    fn capacity(self) -> Duration {
        self.cell() * self.burst.get()
    }
}

/// Counts events that still take room, and attempts under way (generic cell rate algorithm, with reservations).
///
/// An attempt reserves its room before its outcome is known, so that a thousand attempts at once do not all find room.
/// Reservations are counted apart from events: a released reservation removes no event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// The time in which the bucket empties, as of `at`.
    filled: Duration,
    at: Timestamp,
    reserved: u32,
    reported: Option<Timestamp>,
}

impl Bucket {
    pub(crate) const fn empty(now: Timestamp) -> Self {
        Self {
            filled: Duration::ZERO,
            at: now,
            reserved: 0,
            reported: None,
        }
    }

    /// Returns how long until there is room for one more event, or `None` if there is room.
    pub(crate) fn wait(&self, quota: Quota, now: Timestamp) -> Option<Duration> {
        // There are at most `burst` reservations, so that this does not overflow.
        let reserved = quota.cell() * self.reserved.min(quota.burst.get());
        let wanted = self.filled(quota, now) + reserved + quota.cell();
        let over = wanted.saturating_sub(quota.capacity());
        (!over.is_zero()).then_some(over)
    }

    #[cfg(any(feature = "passwords", test))]
    pub(crate) fn reserve(&mut self) {
        self.reserved = self.reserved.saturating_add(1);
    }

    #[cfg(any(feature = "passwords", test))]
    pub(crate) fn release(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Counts an event. A full bucket stays full.
    pub(crate) fn fill(&mut self, quota: Quota, now: Timestamp) {
        let filled = self.filled(quota, now) + quota.cell();
        self.filled = filled.min(quota.capacity());
        // `now` may be earlier than that of another request. If it were stored, the time between the two would empty
        // the bucket a second time.
        if now > self.at || self.is_in_future(quota, now) {
            self.at = now;
        }
    }

    /// Returns whether events alone have filled the bucket, once in each `per`.
    pub(crate) fn newly_full(&mut self, quota: Quota, now: Timestamp) -> bool {
        let room = quota.capacity().saturating_sub(self.filled(quota, now));
        let silent = self
            .reported
            .is_some_and(|then| then <= now && now < then.plus(quota.per));
        let report = room < quota.cell() && !silent;
        if report {
            self.reported = Some(now);
        }
        report
    }

    fn filled(&self, quota: Quota, now: Timestamp) -> Duration {
        if self.is_in_future(quota, now) {
            return self.filled;
        }
        self.filled.saturating_sub(since(self.at, now))
    }

    /// Returns whether the clock was set back by more than the period of the quota. A smaller difference also arises
    /// between requests that read the clock in one order and arrive here in another.
    fn is_in_future(&self, quota: Quota, now: Timestamp) -> bool {
        since(now, self.at) > quota.per
    }
}

/// Returns the time from `then` to `now`, or zero if `now` is earlier.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> Duration {
    let millis = now.unix_millis().saturating_sub(then.unix_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);

    fn at(millis: u64) -> Timestamp {
        NOW.plus(Duration::from_millis(millis))
    }

    fn quota(burst: u32, seconds: u64) -> Quota {
        Quota {
            burst: NonZeroU32::new(burst).unwrap(),
            per: Duration::from_secs(seconds),
        }
    }

    fn full(quota: Quota) -> Bucket {
        let mut bucket = Bucket::empty(NOW);
        for _ in 0..quota.burst.get() {
            assert_eq!(bucket.wait(quota, NOW), None);
            bucket.fill(quota, NOW);
        }
        bucket
    }

    #[test]
    fn bucket_holds_its_burst_and_no_more_whatever_the_numbers() {
        for burst in [1, 2, 3, 7, 20, 1000] {
            for seconds in [1, 60, 3600] {
                let quota = quota(burst, seconds);
                assert!(full(quota).wait(quota, NOW).is_some(), "{quota:?}");
            }
        }
    }

    #[test]
    fn bucket_empties_evenly() {
        let quota = quota(20, 60);
        let mut bucket = full(quota);
        for failure in 1..=20 {
            let next = failure * 3000;
            assert!(bucket.wait(quota, at(next - 1)).is_some(), "{failure}");
            assert_eq!(bucket.wait(quota, at(next)), None, "{failure}");
            bucket.fill(quota, at(next));
        }
        assert_eq!(bucket.wait(quota, at(60_000)), Some(quota.cell()));
    }

    #[test]
    fn full_bucket_is_not_filled_further() {
        let quota = quota(20, 60);
        let mut bucket = full(quota);
        for _ in 0..1000 {
            bucket.fill(quota, NOW);
        }
        assert_eq!(bucket.wait(quota, NOW), Some(Duration::from_secs(3)));
    }

    #[test]
    fn released_reservation_removes_no_failure() {
        let quota = quota(2, 60);
        let mut bucket = Bucket::empty(NOW);
        bucket.reserve();
        // Half a minute passes, and another attempt fails.
        bucket.fill(quota, at(30_000));
        bucket.release();
        bucket.fill(quota, at(30_000));
        assert!(bucket.wait(quota, at(30_000)).is_some());
    }

    #[test]
    fn clock_that_steps_back_neither_empties_a_bucket_nor_keeps_it_full_for_long() {
        let quota = quota(2, 60);
        let mut bucket = full(quota);
        // A request that was overtaken.
        let before = Timestamp::from_unix_millis(NOW.unix_millis() - 20_000);
        bucket.fill(quota, before);
        assert!(bucket.wait(quota, at(29_999)).is_some());
        // A clock that was set back.
        let yesterday = Timestamp::from_unix_millis(NOW.unix_millis() - 86_400_000);
        assert!(bucket.wait(quota, yesterday).is_some());
        bucket.fill(quota, yesterday);
        assert_eq!(
            bucket.wait(quota, yesterday.plus(Duration::from_secs(30))),
            None
        );
    }

    #[test]
    fn full_bucket_is_reported_once_in_a_window() {
        let quota = quota(2, 60);
        let mut bucket = Bucket::empty(NOW);
        bucket.fill(quota, NOW);
        assert!(!bucket.newly_full(quota, NOW));
        bucket.fill(quota, NOW);
        assert!(bucket.newly_full(quota, NOW));
        for second in 0..60 {
            bucket.fill(quota, at(second * 1000));
            assert!(!bucket.newly_full(quota, at(second * 1000)));
        }
        bucket.fill(quota, at(60_000));
        assert!(bucket.newly_full(quota, at(60_000)));
    }
}
