//! What processes and the database send to each other.

use crate::rules::Position;

/// The number of a revocation. Each revokes a credential of its own.
pub(crate) type Change = u8;

/// A set of revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes(u128);

impl Changes {
    /// The highest number of a revocation.
    pub(crate) const MAX: Change = 127;

    pub(crate) const fn insert(&mut self, change: Change) {
        self.0 |= 1 << change;
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the changes that are not in `other`.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the changes that are in `other`, too.
    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn first(self) -> Option<Change> {
        (0..=Self::MAX).find(|change| self.0 & 1 << change != 0)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The id of a row by which writers know a node. A process chooses a new one at each start.
pub(crate) type RowId = u64;

/// To the database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    Register {
        row: RowId,
    },
    /// One read: the head, what is missing, and all rows.
    Ask {
        question: u64,
        row: RowId,
        applied: Option<Position>,
    },
    /// Asks whether the connection works, and reads nothing of the log.
    Ping {
        question: u64,
        row: RowId,
    },
    Acknowledge {
        row: RowId,
        number: u64,
    },
    Renew {
        row: RowId,
    },
    EndLease {
        row: RowId,
        renewals: u32,
    },
    RemoveRow {
        row: RowId,
    },
    Begin {
        transaction: u64,
        change: Change,
    },
    TakeNumber {
        transaction: u64,
    },
    Commit {
        transaction: u64,
    },
    /// Reads the rows for the receipt of a transaction.
    ReadRows {
        transaction: u64,
    },
}

/// From the database.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Registered {
        row: RowId,
    },
    Answer(Answer),
    Pong {
        question: u64,
        is_listed: bool,
    },
    Notification,
    Begun {
        transaction: u64,
    },
    Numbered {
        transaction: u64,
    },
    Committed {
        transaction: u64,
        number: u64,
    },
    Aborted {
        transaction: u64,
    },
    /// All rows, with the numbers that they acknowledge.
    Rows {
        transaction: u64,
        rows: Vec<(RowId, u64)>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) question: u64,
    pub(crate) head: Position,
    pub(crate) changes: Changes,
    /// The node's own row was there, and was not leaving.
    pub(crate) is_listed: bool,
    /// The number that the node has acknowledged.
    pub(crate) acknowledged: u64,
    pub(crate) rows: Vec<(RowId, RowState)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowState {
    /// How often the node has renewed its lease.
    pub(crate) renewals: u32,
    pub(crate) is_leaving: bool,
}
