//! The clocks of a process. Real time is known to the simulation only.

use std::time::Duration;

/// Real time, in microseconds since the simulation began.
pub(crate) type Moment = u64;

pub(crate) const MILLISECOND: Moment = 1_000;
pub(crate) const SECOND: Moment = 1_000_000;

/// By how much the rate of a clock differs from the true rate at most, in parts per million. Real clocks are a hundred times
/// better. So large a value makes errors show that a good clock would hide.
pub(crate) const MAX_DRIFT: i64 = 50_000;

/// A monotonic clock with a rate of its own, and a wall clock that is set by hand.
#[derive(Debug)]
pub(crate) struct Clock {
    /// What the monotonic clock showed at `since`.
    reading: Duration,
    since: Moment,
    /// The difference to the true rate, in parts per million.
    drift: i64,
    /// The wall clock minus the monotonic clock.
    wall_offset: Duration,
}

/// What the clocks of a process show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) monotonic: Duration,
    pub(crate) wall: Duration,
}

impl Clock {
    pub(crate) const fn new(drift: i64) -> Self {
        Self {
            reading: Duration::from_secs(1_000),
            since: 0,
            drift,
            wall_offset: Duration::from_secs(1_000_000),
        }
    }

    pub(crate) fn now(&self, moment: Moment) -> Now {
        let nanoseconds = (moment - self.since) * self.per_million() / 1_000;
        let monotonic = self.reading + Duration::from_nanos(nanoseconds);
        Now {
            monotonic,
            wall: monotonic + self.wall_offset,
        }
    }

    /// Returns when the monotonic clock will have counted `duration`.
    pub(crate) fn after(&self, moment: Moment, duration: Duration) -> Moment {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / SECOND);
        moment + (nanoseconds * 1_000).div_ceil(self.per_million())
    }

    pub(crate) fn set_drift(&mut self, moment: Moment, drift: i64) {
        self.reading = self.now(moment).monotonic;
        self.since = moment;
        self.drift = drift;
    }

    /// Sets the wall clock forward, or back.
    pub(crate) const fn step_wall(&mut self, by: Duration, is_back: bool) {
        self.wall_offset = match is_back {
            true => self.wall_offset.saturating_sub(by),
            false => self.wall_offset.saturating_add(by),
        };
    }

    const fn per_million(&self) -> u64 {
        SECOND.saturating_add_signed(self.drift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_clock_reaches_a_duration_early() {
        let mut clock = Clock::new(0);
        clock.set_drift(5 * SECOND, MAX_DRIFT);
        let before = clock.now(5 * SECOND).monotonic;
        let reached = clock.after(5 * SECOND, Duration::from_secs(21));
        assert_eq!(reached, 25 * SECOND);
        let passed = clock.now(reached).monotonic - before;
        assert_eq!(passed, Duration::from_secs(21));
    }
}
