//! Whether all is well: readiness, the age of the view, the nodes, and the counts of the last hour.

use std::time::Duration;

use axum::extract::State;
use countersign_cli::ops::{NodeResponse, OpsError};
use serde::Serialize;
use tokio::time::timeout;

use super::Dashboard;
use super::statistics::HourResponse;
use crate::http::admin::{Administrator, Result};
use crate::http::json::Json;

/// For how long the database is asked for the nodes. The overview is answered without them while it cannot be read.
const NODES_TIMEOUT: Duration = Duration::from_secs(1);

/// The state of the server that answers.
#[derive(Serialize)]
pub(super) struct OverviewResponse {
    /// Whether `/readyz` is 200.
    ready: bool,
    draining: bool,
    /// The time since the view was last compared with the database; null before the first comparison.
    view_age_ms: Option<u64>,
    max_staleness_ms: u64,
    /// For how long the oldest key has signed that signs at present; null if none does.
    signing_key_age_seconds: Option<u64>,
    uptime_seconds: u64,
    /// The servers on this database; null if it could not be read.
    nodes: Option<Vec<NodeResponse>>,
    hour: HourResponse,
}

/// Returns the state of the server, to callers that reach all of it.
pub(super) async fn show(
    State(dashboard): State<Dashboard>,
    Administrator(operations): Administrator,
) -> Result<Json<OverviewResponse>> {
    if operations.account().is_some() {
        return Err(OpsError::DefaultAccountRequired.into());
    }
    let (inner, store) = (&dashboard.0, dashboard.0.admin.store());
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let nodes = match timeout(NODES_TIMEOUT, operations.list_nodes()).await {
        Ok(Ok(list)) => Some(list.nodes),
        _ => None,
    };
    let draining = inner.draining.has_begun();
    Ok(Json(OverviewResponse {
        ready: store.is_ready() && !draining,
        draining,
        view_age_ms: store.directory().age().map(millis),
        max_staleness_ms: millis(inner.admin.config().store.max_staleness),
        signing_key_age_seconds: store.signing_key_age().map(|age| age.as_secs()),
        nodes,
        uptime_seconds: inner.statistics.uptime_seconds(),
        hour: inner.statistics.hour(),
    }))
}
