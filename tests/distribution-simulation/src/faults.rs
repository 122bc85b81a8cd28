//! The faults of a run. Each seed has its own, from the first second until everything is healed.

use std::time::Duration;

use fastrand::Rng;

use crate::clock::{MAX_DRIFT, MILLISECOND, Moment, SECOND};
use crate::network::Link;

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Messages of a process to the database, or from it, are lost.
    Cut {
        process: usize,
        is_cut: [bool; 2],
        duration: Moment,
    },
    /// Messages are lost, doubled, late, and overtake each other.
    Disturb {
        process: usize,
        link: Link,
        duration: Moment,
    },
    Mend {
        process: usize,
    },
    /// The process does nothing, and its clocks run on.
    Freeze {
        process: usize,
        duration: Moment,
    },
    Crash {
        process: usize,
        downtime: Moment,
    },
    /// The process takes this time at most to apply an answer.
    Slow {
        process: usize,
        longest: Moment,
    },
    ChangeRate {
        process: usize,
        drift: i64,
    },
    StepWallClock {
        process: usize,
        by: Duration,
        is_back: bool,
    },
    RestartDatabase {
        downtime: Moment,
    },
    /// The standby is promoted. An asynchronous one lacks the last `lost` changes.
    Promote {
        downtime: Moment,
        lost: u64,
    },
    /// The database deletes all but the last `kept` changes from its log.
    DeleteOldChanges {
        kept: u64,
    },
    BeginEpoch,
}

/// The names of the kinds of faults.
pub(crate) const KINDS: [&str; 11] = [
    "partition",
    "loss, duplication, delay",
    "freeze",
    "crash",
    "slow node",
    "clock rate",
    "wall clock step",
    "database restart",
    "promotion",
    "log compaction",
    "new epoch",
];

impl Fault {
    /// Returns the index of the kind in [`KINDS`].
    pub(crate) const fn kind(&self) -> Option<usize> {
        Some(match self {
            Self::Cut { .. } => 0,
            Self::Disturb { .. } => 1,
            Self::Freeze { .. } => 2,
            Self::Crash { .. } => 3,
            Self::Slow { .. } => 4,
            Self::ChangeRate { .. } => 5,
            Self::StepWallClock { .. } => 6,
            Self::RestartDatabase { .. } => 7,
            Self::Promote { .. } => 8,
            Self::DeleteOldChanges { .. } => 9,
            Self::BeginEpoch => 10,
            Self::Mend { .. } => return None,
        })
    }
}

/// Returns the faults of a run with this number of processes, and when each happens.
pub(crate) fn plan(random: &mut Rng, processes: usize, end: Moment) -> Vec<(Moment, Fault)> {
    let count = random.usize(8..40);
    let faults = (0..count).map(|_| (random.u64(SECOND..end), fault(random, processes)));
    faults.collect()
}

/// Returns the rate of a clock. The extremes are the most likely ones.
pub(crate) fn drift(random: &mut Rng) -> i64 {
    match random.u8(..3) {
        0 => MAX_DRIFT,
        1 => -MAX_DRIFT,
        _ => random.i64(-MAX_DRIFT..=MAX_DRIFT),
    }
}

fn fault(random: &mut Rng, processes: usize) -> Fault {
    let process = random.usize(..processes);
    let longest = *random
        .choice(&[SECOND, 4 * SECOND, 15 * SECOND])
        .unwrap_or(&SECOND);
    let duration = random.u64(SECOND / 10..longest);
    match random.u8(..24) {
        0..4 => Fault::Cut {
            process,
            is_cut: [[true, true], [true, false], [false, true]][random.usize(..3)],
            duration,
        },
        4..8 => Fault::Disturb {
            process,
            link: Link {
                is_cut: [false; 2],
                loss: random.u8(..60),
                duplication: random.u8(..40),
                longest_delay: random.u64(10 * MILLISECOND..4 * SECOND),
            },
            duration,
        },
        8..12 => Fault::Freeze { process, duration },
        12..14 => Fault::Crash {
            process,
            downtime: duration,
        },
        14..16 => Fault::Slow {
            process,
            longest: random.u64(10 * MILLISECOND..6 * SECOND),
        },
        16 => Fault::ChangeRate {
            process,
            drift: drift(random),
        },
        17..19 => Fault::StepWallClock {
            process,
            by: Duration::from_secs(random.u64(1..100_000)),
            is_back: random.bool(),
        },
        19 => Fault::RestartDatabase {
            downtime: random.u64(SECOND / 10..4 * SECOND),
        },
        20 => Fault::Promote {
            downtime: random.u64(SECOND / 10..4 * SECOND),
            lost: random.u64(..4),
        },
        21..23 => Fault::DeleteOldChanges {
            kept: random.u64(..6),
        },
        _ => Fault::BeginEpoch,
    }
}
