//! Requests that work with the store run on a runtime of their own.
//!
//! Such a request waits for the store some thirty times. On the runtime of the connections, it waits each time until all
//! other requests have had their turn: in a flood, a suspension would take ten seconds.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::openapi::Routes;
use crate::logging::{in_request, request_id};

/// Runs the requests of these routes on the runtime of the store.
pub(super) fn on_store_runtime(routes: Routes, runtime: &Handle) -> Routes {
    routes.map_router(|router| router_on_store_runtime(router, runtime))
}

/// Runs the requests of this router on the runtime of the store.
pub(super) fn router_on_store_runtime(router: Router, runtime: &Handle) -> Router {
    router.layer(middleware::from_fn_with_state(runtime.clone(), run))
}

async fn run(State(runtime): State<Handle>, request: Request, next: Next) -> Response {
    let response = async move { next.run(request).await };
    let task = match request_id() {
        Some(id) => runtime.spawn(in_request(id, response)),
        None => runtime.spawn(response),
    };
    Task(task).await
}

/// A task that ends when it is dropped.
struct Task<T>(JoinHandle<T>);

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.0).poll(cx)) {
            Ok(output) => Poll::Ready(output),
            // Only this task cancels it, when it is dropped.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Poll::Pending,
            },
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
