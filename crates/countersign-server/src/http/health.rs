//! Probes: a status and nothing else, since anybody may ask.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use countersign::directory::Directory as _;
use countersign_store::Store;

/// A store that takes longer is not one to send requests to.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// The store answers, and its view is fresh enough to judge by. That the signing key is there was seen to
/// before the first connection was taken.
pub(super) async fn readyz(State(store): State<Store>) -> StatusCode {
    let answered = tokio::time::timeout(PATIENCE, store.check()).await;
    if matches!(answered, Ok(Ok(()))) && store.directory().check_freshness().is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
