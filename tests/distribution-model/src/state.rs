//! The state of all processes and of the database at one moment.
//!
//! There is no absolute time. A clock appears as the units that are left until it has measured a duration, so that the number
//! of states is finite although time goes on for ever.

/// The number of changes that the writers make at most.
pub(crate) const CHANGES: u8 = 3;

/// How long a node may use the view that it has compared with the database (`max_staleness`), in units of its own clock.
pub(crate) const MAX_STALENESS: u8 = 2;

/// While the slowest clock counts one unit, the fastest one counts two: the rates of clocks differ from the true rate by a
/// third at most. A writer therefore waits for `max_staleness · (1 + ⅓) / (1 − ⅓)` on its own clock.
pub(crate) const RECEIPT_BOUND: u8 = 2 * MAX_STALENESS;

/// The node whose decisions are checked. The other one matters to it by its row only, so that its comparisons are one step, and that
/// its view and its freshness are left out.
pub(crate) const OBSERVED: usize = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State {
    pub(crate) database: Database,
    pub(crate) writers: [Writer; 2],
    /// Two nodes, or one verifier that asks the nodes below.
    pub(crate) nodes: [Node; 2],
    pub(crate) answering: [Answering; 2],
    /// The changes whose receipt is complete.
    pub(crate) complete: Changes,
}

impl State {
    pub(crate) const fn initial() -> Self {
        Self {
            database: Database {
                log: [0; CHANGES as usize],
                head: 0,
                committed: 0,
                sequence: 0,
                oldest: 1,
                replicated: 0,
                former: None,
            },
            writers: [Writer::Idle; 2],
            nodes: [Node::STOPPED; 2],
            answering: [Answering::Unaware; 2],
            complete: Changes::NONE,
        }
    }
}

/// A set of changes. A change is a revocation of a credential of its own, and has a number from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Changes(u8);

impl Changes {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn with(self, change: u8) -> Self {
        Self(self.0 | 1 << change)
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the set of the last of these changes.
    pub(crate) const fn last(self) -> Self {
        match self.0.checked_ilog2() {
            Some(last) => Self(1 << last),
            None => self,
        }
    }

    /// Returns whether this change, or a later one, is in the set.
    pub(crate) const fn reaches(self, change: u8) -> bool {
        self.0 >> change != 0
    }

    /// Returns whether `other` has a change that this set does not have.
    pub(crate) const fn lacks_some_of(self, other: Self) -> bool {
        other.0 & !self.0 != 0
    }
}

/// The primary and what it has replicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Database {
    /// The change under each number of the log; 0 if none is committed.
    pub(crate) log: [u8; CHANGES as usize],
    /// The highest committed number.
    pub(crate) head: u8,
    /// How many changes were ever committed.
    pub(crate) committed: u8,
    /// The last number that was taken before its commit. Only a broken variant uses it.
    pub(crate) sequence: u8,
    /// The oldest number that is still in the log.
    pub(crate) oldest: u8,
    /// The highest number that the standby has. Only used if replication is asynchronous.
    pub(crate) replicated: u8,
    /// The head of a former primary that still answers. Only a broken variant has one.
    pub(crate) former: Option<u8>,
}

impl Database {
    /// Returns the changes with the numbers `from` to `head`.
    pub(crate) fn changes(&self, from: u8, head: u8) -> Changes {
        let numbers = usize::from(from)..=usize::from(head);
        let changes = numbers.filter_map(|number| self.log.get(number.checked_sub(1)?));
        let committed = changes.filter(|change| **change != 0);
        committed.fold(Changes::NONE, |changes, change| changes.with(*change))
    }
}

/// A process that makes changes, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Writer {
    Idle,
    /// In a transaction that has taken its number, and holds the lock of the head. What a transaction does before has no effect
    /// on others.
    Numbered {
        number: u8,
        remaining: u8,
    },
    /// The change is committed, and the writer waits for the receipt: `remaining` units more if nodes do not acknowledge it.
    Waiting {
        number: u8,
        change: u8,
        remaining: u8,
        /// The nodes that had a row after the commit, and that have not acknowledged the change since; `None` before the rows
        /// were read.
        awaited: Option<[bool; 2]>,
    },
}

/// A process that decides on requests with a view in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node {
    pub(crate) is_running: bool,
    /// The last number that was applied to the view; `None` before the first snapshot.
    pub(crate) applied: Option<u8>,
    /// The changes in the view.
    pub(crate) view: Changes,
    /// For how long the node may still decide, on its own clock.
    pub(crate) fresh: u8,
    pub(crate) question: Question,
    /// Its row in the database, which outlives the process.
    pub(crate) row: Row,
    /// A notification has arrived. Only a broken variant relies on it.
    pub(crate) is_notified: bool,
    /// A request that arrived after a receipt was complete has read the record that the change replaced. Only a broken variant
    /// has not checked before that the view is fresh.
    pub(crate) has_read_old_record: bool,
}

impl Node {
    pub(crate) const STOPPED: Self = Self {
        is_running: false,
        applied: None,
        view: Changes::NONE,
        fresh: 0,
        question: Question::None,
        row: Row::Absent,
        is_notified: false,
        has_read_old_record: false,
    };
}

/// The comparison of a node with the database. `remaining` is how long the view will be fresh after it, on the node's clock,
/// which counts from the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Question {
    None,
    Asked {
        remaining: u8,
    },
    Answered {
        remaining: u8,
        head: u8,
        changes: Changes,
        /// The node's own row was there, and was not leaving.
        is_listed: bool,
    },
}

/// A node that answers the verifier with what it has read in its last comparison with the database. Its own decisions are not
/// checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Answering {
    /// It has not written the row of the verifier, or has found since that the row was not there, or leaving.
    Unaware,
    /// It has written the row, and has not compared its view since.
    Registered,
    /// It has compared its view since, `age` units of its clock ago, and has found the row.
    Compared { head: u8, age: u8 },
}

/// The row by which writers know a node. `applied` is the number that the node has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Row {
    Absent,
    Registered {
        applied: u8,
    },
    /// The lease has ended, or the node leaves. The row is removed after `remaining` units of the clock of the process that
    /// removes it.
    Leaving {
        applied: u8,
        remaining: u8,
    },
}
