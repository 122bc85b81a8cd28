use std::time::Duration;

use countersign::BoxFuture;
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
pub struct NodeResponse {
    /// A random id, which is new at each start.
    #[schema(value_type = schema::Id)]
    pub id: Id,
    /// The name of the machine and the number of the process.
    pub name: String,
    /// `active`, or `leaving` while a node is being removed that has died.
    pub state: &'static str,
    /// The number of the last change that the node has acknowledged.
    pub applied: i64,
    /// How many changes the node has not acknowledged.
    pub behind: i64,
    /// The age of the node's view of the database in milliseconds, at `seen_at`.
    pub view_age_ms: u64,
    /// When the node wrote this, by its own clock: after each change, and every 10 s.
    pub seen_at: Rfc3339,
    pub started_at: Rfc3339,
    pub max_staleness_ms: u64,
    /// What the node does with requests while its view is older: `refuse` or `serve`.
    pub when_stale: &'static str,
}

/// The nodes.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeListResponse {
    /// The number of the last change.
    pub change: i64,
    pub nodes: Vec<NodeResponse>,
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
pub struct ReceiptResponse {
    /// Whether no node decides without the change any more.
    pub complete: bool,
    /// The number of the change, or of a later one; null if the database could not be read.
    pub change: Option<i64>,
    /// How many nodes there were.
    pub nodes: usize,
    /// How many of them have applied the change.
    pub applied: usize,
    /// How many of them have left, or have a view so old that they decide nothing.
    pub lapsed: usize,
    /// The time until the last of the nodes had applied the change, in milliseconds.
    pub slowest_ms: u64,
    /// Whether the change survives a failover of the database.
    pub durable: bool,
    /// Why it is not complete, as a word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
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
    pub fn list_nodes(&self) -> BoxFuture<'_, Result<NodeListResponse, OpsError>> {
        Box::pin(async move {
            self.require_default_account()?;
            let list = self.store.list_nodes().await?;
            let nodes = list.nodes.into_iter();
            let nodes = nodes.map(|node| NodeResponse::new(node, list.change));
            Ok(NodeListResponse {
                change: list.change,
                nodes: nodes.collect(),
            })
        })
    }

    /// Removes a node that has died and served stale. Returns whether there was one of this id.
    pub fn remove_node(&self, id: Id) -> BoxFuture<'_, Result<bool, OpsError>> {
        Box::pin(async move {
            self.require_default_account()?;
            Ok(self.store.remove_node(&self.caller, id).await?)
        })
    }

    /// Waits until every node has applied the changes that are committed, for `max_staleness` and a second, and for `at_most`.
    pub fn wait_for_nodes(&self, at_most: Duration) -> BoxFuture<'_, ReceiptResponse> {
        Box::pin(async move {
            let limit = self.config.store.max_staleness.saturating_add(MARGIN);
            let receipt = self.store.wait_for_nodes(limit.min(at_most)).await;
            receipt.into()
        })
    }
}
