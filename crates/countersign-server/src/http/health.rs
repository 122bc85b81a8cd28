//! Health probes. They are public, and answer with a status only.

use axum::extract::State;
use axum::http::StatusCode;
use countersign::directory::Directory as _;
use countersign_store::Store;

use super::openapi::{Routes, get};

pub(super) fn routes(store: Store) -> Routes {
    let unavailable = "requests cannot be authenticated at present";
    Routes::of([
        get("/healthz", "healthz", healthz)
            .summary("Check that the process answers")
            .answers(StatusCode::OK, "the process answers"),
        get("/readyz", "readyz", readyz)
            .summary("Check that requests can be authenticated")
            .answers(StatusCode::OK, "requests can be authenticated")
            .answers(StatusCode::SERVICE_UNAVAILABLE, unavailable),
    ])
    .map_router(|router| router.with_state(store))
}

/// Returns 200: the process answers.
async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// Returns 200 if the view of the store is fresh enough to authenticate requests, else 503. Signing keys exist before the
/// first connection is accepted. The store is not asked: this requires no credentials.
async fn readyz(State(store): State<Store>) -> StatusCode {
    match store.directory().check_freshness() {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
