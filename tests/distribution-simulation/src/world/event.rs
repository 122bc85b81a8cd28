use std::cmp::Ordering;

use crate::clock::Moment;
use crate::faults::Fault;
use crate::message::{Change, Reply, Request};

/// Something that happens at one moment. `life` is the life of the process: a process that was started anew does not get what was
/// meant for the one before.
#[derive(Debug)]
pub(super) enum Event {
    Start {
        process: usize,
    },
    Timer {
        process: usize,
        life: u32,
    },
    Begin {
        process: usize,
        life: u32,
    },
    Request {
        process: usize,
        incarnation: u32,
        request: Request,
    },
    Reply {
        process: usize,
        life: u32,
        reply: Reply,
        was_slow: bool,
    },
    TransactionTimeout {
        transaction: u64,
        statements: u32,
    },
    /// A change was committed so long ago that no view may lack it and be fresh.
    Due {
        change: Change,
    },
    Thaw {
        process: usize,
    },
    DatabaseUp {
        incarnation: u32,
    },
    Fault(Fault),
    Heal,
    CheckConvergence,
    End,
}

impl Event {
    /// Returns the process that handles the event, and its life, unless the network or the database handles it.
    pub(super) const fn process(&self) -> Option<(usize, u32)> {
        match *self {
            Self::Timer { process, life }
            | Self::Begin { process, life }
            | Self::Reply { process, life, .. } => Some((process, life)),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Scheduled {
    pub(super) at: Moment,
    /// Events of one moment happen in the order in which they were scheduled.
    pub(super) order: u64,
    pub(super) event: Event,
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Scheduled {}
