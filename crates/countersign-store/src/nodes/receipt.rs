use std::time::Duration;

use crate::error::StoreError;

/// Says whether any node may still decide without the changes that were committed when the wait began.
///
/// [`Store::wait_for_nodes`](crate::Store::wait_for_nodes) returns it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// The number of the last of these changes; `None` if the database could not be read.
    pub change: Option<i64>,
    /// The number of nodes when the wait began.
    pub nodes: usize,
    /// The number of these nodes that have applied the changes.
    pub applied: usize,
    /// The number of these nodes that have not, and decide nothing without them: they have left, or their views are stale.
    pub lapsed: usize,
    /// The time from the beginning of the wait until the last of the nodes had acknowledged the changes.
    pub slowest: Duration,
    /// Whether the changes survive a failover. With PostgreSQL, it is false unless commits wait for a standby
    /// (`synchronous_standby_names`): another one that is promoted may lack them. With SQLite, there is no failover.
    pub durable: bool,
    /// Why the receipt is incomplete; `None` if it is complete.
    pub incomplete: Option<Incomplete>,
}

impl Receipt {
    /// Returns whether no node decides without the changes from now on.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.incomplete.is_none()
    }

    pub(crate) const fn unknown(reason: Incomplete) -> Self {
        Self {
            change: None,
            nodes: 0,
            applied: 0,
            lapsed: 0,
            slowest: Duration::ZERO,
            durable: false,
            incomplete: Some(reason),
        }
    }
}

/// Why a [`Receipt`] is incomplete. The changes were made all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Incomplete {
    /// The time was over before these nodes had acknowledged the changes.
    #[error(
        "the nodes {} have not acknowledged it yet, and may decide without it until they do, or until their views are stale",
        .0.join(", ")
    )]
    NotAcknowledged(Vec<String>),
    /// As many requests as permitted wait for nodes already.
    #[error("too many requests wait for nodes already, so that this one did not")]
    TooManyWaiting,
    /// The database was restored, or replaced by another one.
    #[error("the database has a new history, so that its nodes begin anew")]
    NewHistory,
    /// The database cannot be read.
    #[error("the nodes cannot be read: {0}")]
    Unavailable(#[from] StoreError),
}

impl Incomplete {
    /// Returns a word for programs, which stays the same in later versions.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NotAcknowledged(_) => "not_acknowledged",
            Self::TooManyWaiting => "too_many_waiting",
            Self::NewHistory => "new_history",
            Self::Unavailable(_) => "unavailable",
        }
    }
}
