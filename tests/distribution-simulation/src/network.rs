//! The connection of one process to the database.

use fastrand::Rng;

use crate::clock::{MILLISECOND, Moment};

#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Requests, or replies, do not arrive.
    pub(crate) is_cut: [bool; 2],
    /// In percent.
    pub(crate) loss: u8,
    pub(crate) duplication: u8,
    /// Messages take between a tenth of a millisecond and this time. Since each takes its own time, they overtake each other.
    pub(crate) longest_delay: Moment,
}

/// The direction of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    Request,
    Reply,
}

impl Link {
    pub(crate) const GOOD: Self = Self {
        is_cut: [false; 2],
        loss: 0,
        duplication: 0,
        longest_delay: 5 * MILLISECOND,
    };

    /// Returns after which times copies of a message arrive: none, one or two.
    pub(crate) fn delays(&self, direction: Direction, random: &mut Rng) -> [Option<Moment>; 2] {
        let is_lost = self.is_cut[direction as usize] || random.u8(..100) < self.loss;
        let is_doubled = random.u8(..100) < self.duplication;
        let mut delay = || random.u64(MILLISECOND / 10..=self.longest_delay);
        match (is_lost, is_doubled) {
            (true, _) => [None, None],
            (false, false) => [Some(delay()), None],
            (false, true) => [Some(delay()), Some(delay())],
        }
    }
}
