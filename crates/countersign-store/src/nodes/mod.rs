//! Nodes, and receipts: proof that no node decides without a change any more.
//!
//! A node is a process that follows the change log to authenticate requests. It has a row in the table `nodes`, in which it
//! acknowledges the changes that it has applied. A process that makes a change can wait until every node has acknowledged it,
//! and has a receipt then.
//!
//! # Rules
//!
//! T is the `max_staleness` of a node. ρ bounds by how much the rate of a monotonic clock differs from that of real time
//! ([`CLOCK_DRIFT_PPM`]). The bound B = T (1 + ρ) / (1 − ρ) is the time that another process waits on its own clock, to be
//! sure that T has passed on the clock of the node.
//!
//! 1. The view of a node is fresh for T after the beginning of a read of the database that found the row of the node, not
//!    marked as leaving, and after which all changes up to the head of the log were in the view. The time is measured by the
//!    node's own monotonic clock. A view is fresh at no other time: not at a start, before the first such read, and not
//!    after the store was closed. A decision checks that the view is fresh before it looks up records: afterwards alone, it
//!    could look up a record before the view has a change, and find the view fresh because of that change. It checks once
//!    more afterwards, since a process may be stopped between the two.
//! 2. A node loads its records first, and registers then, with the number up to which it has applied the log. The read that makes its
//!    view fresh begins after the registration, so that a node that is loading decides nothing, and has no row that a process
//!    would wait for. If a read finds that its row is leaving or missing, the node registers again. A write that finds no row does not: the node may be
//!    reading all records again, and is waited for no more until it has.
//! 3. A node acknowledges a number after all changes up to it were in its view. The epoch of the log is part of the number. A
//!    crash of the database may undo an acknowledgement, which stays true: then it is missing, and a process waits for
//!    longer. It never undoes a registration: the row must still be there while the view is fresh.
//! 4. A node deletes its own row after it has closed its view for good. Another process removes a row in two steps: it marks
//!    the row as leaving, and deletes it at least B after the mark was committed. It deletes no row that was registered
//!    again in the meantime. The clocks that decide when a row is marked need not be right, since a mark only makes a node
//!    register again. A mark is a change in the log, so that a read that finds nothing new in the log has found the row as
//!    it was. Each registration of a node has another number. A row is marked when it was not written for 30 s, or when it is not
//!    written while a process waits for its acknowledgement. The process that waits deletes the row at its end, so that a node that
//!    has died is waited for once.
//! 5. A process that waits reads the head of the log and the rows of the nodes after its commit, in one snapshot. The receipt
//!    is complete when each of these rows has acknowledged the head, or was deleted, or B has passed since the commit.
//!
//! # Claim
//!
//! After a complete receipt for a change, no node decides without the change on a request that arrives afterwards.
//!
//! Let such a request find at a time t that the view of its node is fresh. It is so because of a read that saw the database as it
//! was at a time r, and in which the node's row was listed. The request looks up records after t.
//!
//! - If r is after the commit, then the read applied the change (rule 1), and the node decides with it.
//! - If r is before the commit, then at most T has passed on the node's clock between r and t, and so at most T / (1 − ρ) of
//!   real time. The row was listed at r. It was not deleted before t: the node itself deletes it only when it decides nothing
//!   any more, and another process only B after a mark, which is later than r, since the read did not find it. B on the clock
//!   of that process is at least T / (1 − ρ) of real time. So the row was among those that were read after the commit. The
//!   receipt was complete for this row because of its acknowledgement, and then the change was in the view before t (rule 3);
//!   or because B had passed since the commit, and then t is more than T / (1 − ρ) after r: a contradiction.
//!
//! What a node has read before it registered makes its view fresh by no rule, whether it has the change or not. A process must not
//! skip rows that have acknowledged nothing instead: the process that registers a verifier answers it before the verifier can have
//! acknowledged anything (see [`feed`](crate::feed)), and so the verifier may decide already.
//!
//! The argument uses no common clock, and no notification arrives in it. It needs that a read of the log sees every commit
//! that was acknowledged before it began, which a read of the primary does.
//!
//! A node that serves stale decides with any view. A receipt is therefore complete for its row by its acknowledgement, or
//! after it has left, and other processes do not remove its row, unless the operator says that the node is dead. The second
//! case of the argument is then: the row was among those that were read after the commit, and was acknowledged before t.
//!
//! # Caveat
//!
//! ρ is 200 parts per million. While a time service corrects a clock faster than that, as chrony does after a start if it may,
//! the bound is too short by the same ratio.

mod eviction;
mod node;
mod propagation;
mod receipt;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use eviction::{Evictions, has_expired};
pub(crate) use node::{Node, Position, RENEWAL};
pub(crate) use propagation::Propagation;
pub use receipt::{Incomplete, Receipt};

/// By how much the rate of a monotonic clock may differ from that of real time, in parts per million.
const CLOCK_DRIFT_PPM: u128 = 200;
const MILLION: u128 = 1_000_000;

/// Returns how long another process waits on its clock so that `staleness` has passed on the clock of a node.
fn bound(staleness: Duration) -> Duration {
    let scaled = staleness
        .as_nanos()
        .saturating_mul(MILLION + CLOCK_DRIFT_PPM);
    let nanos = scaled.div_ceil(MILLION - CLOCK_DRIFT_PPM);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
