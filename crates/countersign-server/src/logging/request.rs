//! The request that a task processes, whose id is in every line of the log.
//!
//! It is no span: the subscriber would allocate and format one for each request, whether anything is logged or not.

use countersign_wire::RequestId;
use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static REQUEST: RequestId;
}

/// Returns a future that processes the request of this id.
pub(crate) fn in_request<F: Future>(id: RequestId, future: F) -> TaskLocalFuture<RequestId, F> {
    REQUEST.scope(id, future)
}

/// Calls a function for the request of this id.
pub(crate) fn for_request<T>(id: RequestId, log: impl FnOnce() -> T) -> T {
    REQUEST.sync_scope(id, log)
}

/// Returns the id of the request that this task processes.
pub(crate) fn request_id() -> Option<RequestId> {
    REQUEST.try_with(RequestId::clone).ok()
}
