//! Health probes. They are public, and answer with a status only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::handler::HandlerWithoutStateExt as _;
use axum::http::StatusCode;
use countersign_store::Store;

use super::openapi::{Routes, get};
use super::shortcuts::Shortcut;

/// The paths of the probes.
pub(super) const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// Whether the server is about to shut down. Clones share the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draining(Arc<AtomicBool>);

impl Draining {
    /// Makes the server not ready, so that no further requests are sent to it.
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) fn routes(store: Store, draining: Draining) -> Routes {
    let [healthz_path, readyz_path] = PATHS;
    let unavailable = "requests cannot be authenticated at present";
    let routes = Routes::of([
        get(healthz_path, "healthz", healthz)
            .summary("Check that the process answers")
            .answers(StatusCode::OK, "the process answers"),
        get(readyz_path, "readyz", readyz)
            .summary("Check that requests can be authenticated")
            .answers(StatusCode::OK, "requests can be authenticated")
            .answers(StatusCode::SERVICE_UNAVAILABLE, unavailable),
    ]);
    let mut routes = routes.map_router(|router| router.with_state((store, draining)));
    routes.shortcut(Shortcut::get(healthz_path, healthz.into_service()));
    routes
}

/// Returns 200: the process answers.
async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// Returns 200 if the view of the store is fresh enough to authenticate requests, and each issuer has a key that signs,
/// else 503, and 503 while the server shuts down. The database is not asked: this requires no credentials.
async fn readyz(State((store, draining)): State<(Store, Draining)>) -> StatusCode {
    match store.is_ready() && !draining.has_begun() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}
