use std::time::Duration;

use countersign::Id;
use countersign_store::{Incomplete, NodeRecord, Receipt};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// For how much longer than `max_staleness` nodes are waited for.
const MARGIN: Duration = Duration::from_secs(1);

/// A server process that authenticates requests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeResponse {
    /// A random id, which is new at each start.
    #[schema(value_type = schema::Id)]
    pub(crate) id: Id,
    /// The name of the machine and the number of the process.
    pub(crate) name: String,
    /// `active`, or `leaving` while a node is being removed that has died.
    pub(crate) state: &'static str,
    /// The number of the last change that the node has acknowledged.
    pub(crate) applied: i64,
    /// How many changes the node has not acknowledged.
    pub(crate) behind: i64,
    /// The age of the node's view of the database in milliseconds, at `seen_at`.
    pub(crate) view_age_ms: u64,
    /// When the node wrote this, by its own clock: after each change, and every 10 s.
    pub(crate) seen_at: Rfc3339,
    pub(crate) started_at: Rfc3339,
    pub(crate) max_staleness_ms: u64,
    /// What the node does with requests while its view is older: `refuse` or `serve`.
    pub(crate) when_stale: &'static str,
}

/// The nodes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeListResponse {
    /// The number of the last change.
    pub(crate) change: i64,
    pub(crate) nodes: Vec<NodeResponse>,
}

impl NodeResponse {
    fn new(node: NodeRecord, change: i64) -> Self {
        Self {
            id: node.id,
            name: node.name,
            state: if node.is_leaving { "leaving" } else { "active" },
            applied: node.applied,
            behind: change.saturating_sub(node.applied).max(0),
            view_age_ms: millis(node.view_age),
            seen_at: node.seen_at.into(),
            started_at: node.started_at.into(),
            max_staleness_ms: millis(node.max_staleness),
            when_stale: if node.serves_stale { "serve" } else { "refuse" },
        }
    }
}

/// Which nodes have applied a change.
#[derive(Debug, Serialize)]
pub(crate) struct ReceiptResponse {
    /// Whether no node decides without the change any more.
    pub(crate) complete: bool,
    /// The number of the change, or of a later one; null if the database could not be read.
    pub(crate) change: Option<i64>,
    /// How many nodes there were.
    pub(crate) nodes: usize,
    /// How many of them have applied the change.
    pub(crate) applied: usize,
    /// How many of them have left, or have a view so old that they decide nothing.
    pub(crate) lapsed: usize,
    /// The time until the last of the nodes had applied the change, in milliseconds.
    pub(crate) slowest_ms: u64,
    /// Whether the change survives a failover of the database.
    pub(crate) durable: bool,
    /// Why it is not complete, as a word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl From<Receipt> for ReceiptResponse {
    fn from(receipt: Receipt) -> Self {
        let incomplete = receipt.incomplete.as_ref();
        Self {
            complete: receipt.is_complete(),
            change: receipt.change,
            nodes: receipt.nodes,
            applied: receipt.applied,
            lapsed: receipt.lapsed,
            slowest_ms: millis(receipt.slowest),
            durable: receipt.durable,
            reason: incomplete.map(Incomplete::label),
            detail: incomplete.map(ToString::to_string),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Operations {
    /// Lists the nodes.
    pub(crate) async fn list_nodes(&self) -> Result<NodeListResponse, OpsError> {
        self.require_default_account()?;
        let list = self.store.list_nodes().await?;
        let nodes = list.nodes.into_iter();
        let nodes = nodes.map(|node| NodeResponse::new(node, list.change));
        Ok(NodeListResponse {
            change: list.change,
            nodes: nodes.collect(),
        })
    }

    /// Removes a node that has died and served stale. Returns whether there was one of this id.
    pub(crate) async fn remove_node(&self, id: Id) -> Result<bool, OpsError> {
        self.require_default_account()?;
        Ok(self.store.remove_node(&self.caller, id).await?)
    }

    /// Waits until every node has applied the changes that are committed, for `max_staleness` and a second, and for `at_most`.
    pub(crate) async fn wait_for_nodes(&self, at_most: Duration) -> ReceiptResponse {
        let limit = self.config.store.max_staleness.saturating_add(MARGIN);
        let receipt = self.store.wait_for_nodes(limit.min(at_most)).await;
        receipt.into()
    }
}
