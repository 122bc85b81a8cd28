//! The removal of nodes that have died, in two steps.

use std::collections::HashMap;
use std::time::Duration;

use countersign::Id;
use countersign::time::Timestamp;

use super::bound;
use crate::records::NodeRecord;

/// How long a row lasts that is not renewed. A node renews it three times in this time.
const LEASE: Duration = Duration::from_secs(30);

/// Returns whether a node has not renewed its row for so long that its removal begins. The dates are those of two clocks, of
/// which one may be wrong: a node that is alive registers again. A node that serves stale is not removed.
pub(crate) fn has_expired(node: &NodeRecord, now: Timestamp) -> bool {
    let since_seen = now.unix_millis().abs_diff(node.seen_at.unix_millis());
    !node.serves_stale && u128::from(since_seen) > LEASE.as_millis()
}

/// The removals that this process knows to have begun.
#[derive(Default)]
pub(crate) struct Evictions {
    /// When this process knew that a registration was leaving, by its own monotonic clock.
    known_since: HashMap<(Id, i64), Duration>,
}

impl Evictions {
    /// Returns the nodes whose removal can end. `nodes` are all nodes, as they were before `now`.
    pub(crate) fn due<'n>(
        &mut self,
        nodes: &'n [NodeRecord],
        now: Duration,
    ) -> Vec<&'n NodeRecord> {
        let leaving = nodes.iter().filter(|node| node.is_leaving);
        let known = leaving.map(|node| {
            let key = (node.id, node.registration);
            let since = self.known_since.get(&key).copied();
            (node, key, since.unwrap_or(now))
        });
        let known: Vec<_> = known.collect();
        self.known_since = known.iter().map(|(_, key, since)| (*key, *since)).collect();
        let due = known.into_iter().filter_map(|(node, _, since)| {
            let waited = now.saturating_sub(since);
            (waited >= bound(node.max_staleness)).then_some(node)
        });
        due.collect()
    }
}
