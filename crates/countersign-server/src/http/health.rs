//! Health probes. They are public, and answer with a status only.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use countersign::directory::Directory as _;
use countersign_store::Store;

/// How long the store may take before the server counts as not ready.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Returns 200: the process answers.
pub(super) async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// Returns 200 if the store answers and its view is fresh enough to authenticate requests, else 503. Signing keys
/// exist before the first connection is accepted.
pub(super) async fn readyz(State(store): State<Store>) -> StatusCode {
    let checked = tokio::time::timeout(TIMEOUT, store.check()).await;
    if matches!(checked, Ok(Ok(()))) && store.directory().check_freshness().is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
