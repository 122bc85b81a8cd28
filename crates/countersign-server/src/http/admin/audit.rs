use super::path::{Page, RecordNumber};
use super::response::{self, HandlerResult};
use crate::http::openapi::{Routes, get};
use crate::ops::{AuditListResponse, Operations, VerifyAuditResponse};

pub(super) fn routes() -> Routes {
    let list = get("audit_list", "List audit records, newest first", list)
        .answers::<AuditListResponse>("a page of records");
    let verify = get(
        "audit_verify",
        "Verify that the audit log is intact",
        verify,
    )
    .answers::<VerifyAuditResponse>("the result");
    Routes::new()
        .at("/audit", [list])
        .at("/audit/verify", [verify])
}

async fn list(operations: Operations, page: Page<RecordNumber>) -> HandlerResult {
    let before = page.cursor.map(|RecordNumber(number)| number);
    response::json(&operations.list_audit(before, page.limit).await?)
}

async fn verify(operations: Operations) -> HandlerResult {
    response::json(&operations.verify_audit(None).await?)
}
