//! Whether all is well: readiness, the age of the view, and the counts of the last hour.

use axum::extract::State;
use serde::Serialize;

use super::Dashboard;
use super::statistics::HourResponse;
use crate::http::admin::Result;
use crate::http::json::Json;
use crate::ops::{Operations, OpsError};

/// The state of the server that answers.
#[derive(Serialize)]
pub(super) struct OverviewResponse {
    /// Whether `/readyz` is 200.
    ready: bool,
    draining: bool,
    /// The time since the view was last compared with the database; null before the first comparison.
    view_age_ms: Option<u64>,
    max_staleness_ms: u64,
    uptime_seconds: u64,
    hour: HourResponse,
}

/// Returns the state of the server, to callers that reach all of it.
pub(super) async fn show(
    State(dashboard): State<Dashboard>,
    operations: Operations,
) -> Result<Json<OverviewResponse>> {
    if operations.account().is_some() {
        return Err(OpsError::DefaultAccountRequired.into());
    }
    let (inner, store) = (&dashboard.0, dashboard.0.admin.store());
    let millis =
        |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let draining = inner.draining.has_begun();
    Ok(Json(OverviewResponse {
        ready: store.is_ready() && !draining,
        draining,
        view_age_ms: store.directory().age().map(millis),
        max_staleness_ms: millis(inner.admin.config().store.max_staleness),
        uptime_seconds: inner.statistics.uptime_seconds(),
        hour: inner.statistics.hour(),
    }))
}
