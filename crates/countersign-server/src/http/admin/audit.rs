use axum::extract::State;
use countersign_cli::ops::{AuditListResponse, VerifyAuditResponse};
use tokio::sync::Semaphore;

use super::Admin;
use super::administrator::Administrator;
use super::error::{AdminError, Result};
use super::path::{AuditQuery, Query};
use crate::http::json::Json;
use crate::http::openapi::{Routes, get};

pub(super) fn routes(admin: &Admin) -> Routes {
    Routes::of([
        get("/audit", "audit_list", list).summary("List audit records, newest first"),
        get("/audit/verify", "audit_verify", verify).summary("Verify that the audit log is intact"),
    ])
    .map_router(|router| router.with_state(admin.clone()))
}

async fn list(
    Administrator(operations): Administrator,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditListResponse>> {
    Ok(Json(
        operations.list_audit(query.before, query.limit).await?,
    ))
}

async fn verify(
    State(admin): State<Admin>,
    Administrator(operations): Administrator,
) -> Result<Json<VerifyAuditResponse>> {
    let verified = once_at_a_time(&admin.0.audit_verification, operations.verify_audit(None));
    Ok(Json(verified.await??))
}

/// Verifies the log, which reads all of it, unless it is verified for another request at present.
async fn once_at_a_time<T>(permit: &Semaphore, verification: impl Future<Output = T>) -> Result<T> {
    let busy = |_| AdminError::busy("The audit log is being verified already: try again.");
    let _permit = permit.try_acquire().map_err(busy)?;
    Ok(verification.await)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn log_is_verified_for_one_request_at_a_time_and_a_cancelled_one_does_not_count() {
        let permit = Semaphore::new(1);
        let mut first = Box::pin(once_at_a_time(&permit, pending::<()>()));
        assert!(first.as_mut().now_or_never().is_none());
        let verify = || once_at_a_time(&permit, ready(())).now_or_never().unwrap();
        assert!(verify().is_err());
        drop(first);
        assert!(verify().is_ok());
        assert!(verify().is_ok());
    }
}
