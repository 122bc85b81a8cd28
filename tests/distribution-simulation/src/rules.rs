//! The rules of the protocol, as `docs/distribution.md` states them.

use std::time::Duration;

/// What a node must read to bring its view up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The changes after the last one that was applied.
    Changes,
    /// All records: nothing was read yet, the log no longer has what is missing, or it belongs to another history.
    Snapshot,
}

/// A place in one history of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: u32,
    pub(crate) number: u64,
}

/// Compares what a node has applied with the head of the log, and with the oldest change that is still in it.
pub(crate) fn missing(applied: Option<Position>, head: Position, oldest: u64) -> Missing {
    match applied {
        Some(applied)
            if applied.epoch == head.epoch
                && applied.number <= head.number
                && applied.number + 1 >= oldest =>
        {
            Missing::Changes
        }
        _ => Missing::Snapshot,
    }
}

/// When a view was last known to be equal to the database.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Freshness {
    compared_at: Option<Duration>,
}

impl Freshness {
    /// Records that the view was equal to the database at a moment after `began`, which is when the question was sent.
    pub(crate) const fn compared(&mut self, began: Duration) {
        self.compared_at = Some(began);
    }

    /// Returns whether the view may decide at `now`. A process that was just started may not.
    pub(crate) fn is_fresh(&self, now: Duration, max_staleness: Duration) -> bool {
        self.compared_at
            .is_some_and(|compared_at| now.saturating_sub(compared_at) <= max_staleness)
    }
}

/// Returns how long a process waits on its own clock until no clock has counted less than `duration`. The rates of clocks differ
/// from the true rate by at most `drift` parts per million.
pub(crate) fn surely_elapsed(duration: Duration, drift: u32) -> Duration {
    let million = 1_000_000;
    // Rounded up.
    duration * (million + drift) / (million - drift) + Duration::from_nanos(1)
}

/// Why a receipt is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Complete {
    /// Each node that has a row has acknowledged the change.
    Acknowledged,
    /// Views that are older than the change are stale by now.
    Elapsed,
}

/// The wait for the nodes that may decide without a change.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    number: u64,
    /// When the writer learned of the commit.
    began: Duration,
    /// The rows that were there after the commit and have not acknowledged the change since; `None` if they were not read yet.
    awaited: Option<Vec<u64>>,
}

impl Wait {
    pub(crate) const fn new(number: u64, began: Duration) -> Self {
        Self {
            number,
            began,
            awaited: None,
        }
    }

    /// Takes notice of all rows, with the numbers that they acknowledge. They were read after the commit. Nodes that registered after
    /// the first time do not matter: they have read the change.
    pub(crate) fn look(&mut self, rows: &[(u64, u64)]) {
        let waits = |row: &(u64, u64)| row.1 < self.number;
        let waiting = rows.iter().filter(|row| waits(row)).map(|(id, _)| *id);
        match &mut self.awaited {
            None => self.awaited = Some(waiting.collect()),
            Some(awaited) => {
                let waiting: Vec<u64> = waiting.collect();
                awaited.retain(|id| waiting.contains(id));
            }
        }
    }

    /// Returns why the receipt is complete, if it is.
    pub(crate) fn complete(&self, now: Duration, bound: Duration) -> Option<Complete> {
        if self.awaited.as_ref().is_some_and(Vec::is_empty) {
            return Some(Complete::Acknowledged);
        }
        (now.saturating_sub(self.began) > bound).then_some(Complete::Elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn snapshot_is_read_at_the_start_after_a_gap_and_for_another_history() {
        let at = |epoch, number| Position { epoch, number };
        for (applied, head, oldest, expected) in [
            (None, at(1, 0), 1, Missing::Snapshot),
            (Some(at(1, 0)), at(1, 0), 1, Missing::Changes),
            (Some(at(1, 4)), at(1, 9), 5, Missing::Changes),
            (Some(at(1, 4)), at(1, 9), 6, Missing::Snapshot),
            (Some(at(1, 9)), at(1, 8), 1, Missing::Snapshot),
            (Some(at(1, 9)), at(2, 9), 1, Missing::Snapshot),
        ] {
            assert_eq!(
                missing(applied, head, oldest),
                expected,
                "{applied:?} {head:?} {oldest}"
            );
        }
    }

    #[test]
    fn view_is_fresh_from_the_question_on() {
        let mut freshness = Freshness::default();
        assert!(!freshness.is_fresh(SECOND, SECOND));
        freshness.compared(SECOND);
        assert!(freshness.is_fresh(2 * SECOND, SECOND));
        assert!(!freshness.is_fresh(2 * SECOND + Duration::from_nanos(1), SECOND));
    }

    #[test]
    fn receipt_waits_for_the_nodes_of_the_first_look_or_for_the_bound() {
        let mut wait = Wait::new(7, SECOND);
        assert_eq!(wait.complete(2 * SECOND, SECOND), None);
        wait.look(&[(1, 7), (2, 6), (3, 0)]);
        // The third has left, and the fourth has registered.
        wait.look(&[(1, 7), (2, 6), (4, 0)]);
        assert_eq!(wait.complete(2 * SECOND, SECOND), None);
        assert_eq!(wait.complete(3 * SECOND, SECOND), Some(Complete::Elapsed));
        wait.look(&[(1, 7), (2, 8), (4, 0)]);
        assert_eq!(wait.complete(SECOND, SECOND), Some(Complete::Acknowledged));
    }

    #[test]
    fn drift_makes_a_wait_longer() {
        let bound = surely_elapsed(Duration::from_secs(5), 200);
        assert!(bound > Duration::from_micros(5_002_000));
        assert!(bound < Duration::from_micros(5_002_001));
    }
}
