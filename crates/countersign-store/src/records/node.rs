use std::time::Duration;

use countersign::Id;
use countersign::time::Timestamp;

/// A node: a process that follows the change log to authenticate requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeRecord {
    /// A random id, which is new at each start.
    pub id: Id,
    /// The name of the machine and the number of the process.
    pub name: String,
    /// Whether the node is being removed because it did not renew its row. A node that is alive registers again.
    pub is_leaving: bool,
    /// The number of the last change that the node has acknowledged.
    pub applied: i64,
    /// The age of the node's view when it wrote its row last.
    pub view_age: Duration,
    /// When the node wrote its row last, by its own clock.
    pub seen_at: Timestamp,
    /// When the node started, by its own clock.
    pub started_at: Timestamp,
    /// The age above which the node's view is stale.
    pub max_staleness: Duration,
    /// Whether the node goes on deciding with a stale view.
    pub serves_stale: bool,
    /// How often the node has registered.
    pub(crate) registration: i64,
    /// The history that `applied` belongs to; `None` before the first acknowledgement.
    pub(crate) epoch: Option<Id>,
}

/// The nodes that are registered at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeList {
    /// The number of the last change in the log.
    pub change: i64,
    /// The nodes, those first that started first.
    pub nodes: Vec<NodeRecord>,
}
