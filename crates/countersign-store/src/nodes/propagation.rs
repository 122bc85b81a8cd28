//! Which nodes have applied a change. This decides without a database and without a clock: both are parameters.

use std::time::Duration;

use countersign::Id;
use countersign::time::Timestamp;

use super::bound;
use super::eviction::silence;
use super::receipt::{Incomplete, Receipt};
use crate::records::NodeRecord;

/// The wait for the nodes that were registered after a commit.
pub(crate) struct Propagation {
    epoch: Id,
    change: i64,
    /// A time after the commit, by the clock of the process that waits.
    began: Duration,
    awaited: Vec<Awaited>,
    nodes: usize,
    applied: usize,
    slowest: Duration,
    has_new_history: bool,
}

/// A node that may decide without the change.
struct Awaited {
    id: Id,
    name: String,
    /// For how long after the commit; `None` if the node serves stale.
    bound: Option<Duration>,
    /// When the node had written its row last as the wait began, by its own clock.
    seen_at: Timestamp,
}

impl Propagation {
    /// Begins to wait. `change` is the head of the log and `nodes` are all nodes, as they were at one moment after `began`.
    pub(crate) fn new((epoch, change): (Id, i64), nodes: &[NodeRecord], began: Duration) -> Self {
        let awaited = nodes.iter().map(|node| Awaited {
            id: node.id,
            name: node.name.clone(),
            bound: (!node.serves_stale).then(|| bound(node.max_staleness)),
            seen_at: node.seen_at,
        });
        Self {
            epoch,
            change,
            began,
            awaited: awaited.collect(),
            nodes: nodes.len(),
            applied: 0,
            slowest: Duration::ZERO,
            has_new_history: false,
        }
    }

    /// Takes notice of the nodes as they were before `now`, and of the epoch of the log. Nodes that registered after the
    /// beginning do not matter: they have read the change.
    pub(crate) fn look(&mut self, epoch: Id, nodes: &[NodeRecord], now: Duration) {
        self.has_new_history |= epoch != self.epoch;
        let waited = self.waited(now);
        let (change, mut applied) = (self.change, 0);
        self.awaited.retain(|awaited| {
            let row = nodes.iter().find(|node| node.id == awaited.id);
            let Some(row) = row else {
                return false;
            };
            if row.epoch == Some(epoch) && row.applied >= change {
                applied += 1;
                return false;
            }
            awaited.bound.is_none_or(|bound| waited < bound)
        });
        if applied > 0 {
            self.applied += applied;
            self.slowest = waited;
        }
    }

    /// Returns the nodes that have probably died: they have written nothing since the wait began, which is a while ago. `nodes` are
    /// all nodes, as they were before `now`.
    pub(crate) fn silent(&self, nodes: &[NodeRecord], now: Duration) -> Vec<NodeRecord> {
        let waited = self.waited(now);
        let silent = nodes.iter().filter(|node| {
            let awaited = self.awaited.iter().find(|awaited| awaited.id == node.id);
            awaited.is_some_and(|awaited| awaited.seen_at == node.seen_at)
                && waited >= silence(node.max_staleness)
                && !node.is_leaving
                && !node.serves_stale
        });
        silent.cloned().collect()
    }

    /// Returns for how long the process has waited.
    pub(crate) fn waited(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }

    /// Returns whether there is nothing more to wait for.
    pub(crate) fn has_ended(&self) -> bool {
        self.awaited.is_empty() || self.has_new_history
    }

    /// Ends the wait. `failure` is why it ended early. The receipt does not say yet that the change is durable.
    pub(crate) fn end(self, failure: Option<Incomplete>) -> Receipt {
        let lapsed = self.nodes.saturating_sub(self.applied + self.awaited.len());
        let names = self.awaited.into_iter().map(|awaited| awaited.name);
        let names: Vec<_> = names.collect();
        let incomplete = match failure {
            Some(failure) => Some(failure),
            None if self.has_new_history => Some(Incomplete::NewHistory),
            None if names.is_empty() => None,
            None => Some(Incomplete::NotAcknowledged(names)),
        };
        Receipt {
            change: Some(self.change),
            nodes: self.nodes,
            applied: self.applied,
            lapsed,
            slowest: self.slowest,
            durable: false,
            incomplete,
        }
    }
}
