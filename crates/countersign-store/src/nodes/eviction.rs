//! The removal of nodes that have died, in two steps.

use std::collections::HashMap;
use std::time::Duration;

use countersign::Id;
use countersign::time::Timestamp;

use super::bound;
use crate::records::NodeRecord;

/// How long a row lasts that is not renewed. A node renews it three times in this time.
const LEASE: Duration = Duration::from_secs(30);

/// For how long a node that writes nothing is waited for before its removal begins. A node that is alive acknowledges a change
/// within a fraction of it.
const SILENCE: Duration = Duration::from_millis(500);

/// Returns for how long a call waits for a node that writes nothing before the removal of the node begins. The node registers
/// again if it is alive, for which there must be time before its view is stale.
pub(super) fn silence(max_staleness: Duration) -> Duration {
    SILENCE.min(max_staleness / 5)
}

/// Returns whether a node has not renewed its row for so long that its removal begins. The dates are those of two clocks, of
/// which one may be wrong: a node that is alive registers again. A node that serves stale is not removed.
pub(crate) fn has_expired(node: &NodeRecord, now: Timestamp) -> bool {
    let since_seen = now.unix_millis().abs_diff(node.seen_at.unix_millis());
    !node.serves_stale && u128::from(since_seen) > LEASE.as_millis()
}

/// The removals that this process knows to have begun.
#[derive(Default)]
pub(crate) struct Evictions {
    /// When the removal of a registration can end that this process knows to be leaving, by its own monotonic clock.
    ends: HashMap<(Id, i64), Duration>,
}

impl Evictions {
    /// Returns the nodes whose removal can end. `nodes` are all nodes, as they were before `now`.
    pub(crate) fn due<'n>(
        &mut self,
        nodes: &'n [NodeRecord],
        now: Duration,
    ) -> Vec<&'n NodeRecord> {
        let leaving = nodes.iter().filter(|node| node.is_leaving);
        let ends = leaving.map(|node| {
            let key = (node.id, node.registration);
            let known = self.ends.get(&key).copied();
            let end = known.unwrap_or_else(|| now.saturating_add(bound(node.max_staleness)));
            (node, key, end)
        });
        let ends: Vec<_> = ends.collect();
        self.ends = ends.iter().map(|(_, key, end)| (*key, *end)).collect();
        let due = ends.into_iter().filter(|(_, _, end)| now >= *end);
        due.map(|(node, _, _)| node).collect()
    }

    /// Returns the time until the last of the removals can end.
    pub(crate) fn longest(&self, now: Duration) -> Duration {
        let last = self.ends.values().max().copied();
        last.unwrap_or_default().saturating_sub(now)
    }
}
