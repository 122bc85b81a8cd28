//! Health probes. They are public, and answer with a status only.

use axum::extract::State;
use axum::http::StatusCode;
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

/// Returns 200 if the view of the store is fresh enough to authenticate requests, and each issuer has a key that signs,
/// else 503. The database is not asked: this requires no credentials.
async fn readyz(State(store): State<Store>) -> StatusCode {
    match store.is_ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}
