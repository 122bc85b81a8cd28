use countersign::BoxFuture;
use countersign::Id;
use countersign_store::{AuditRecord, Checkpoint, Verified};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::page::cut;
use super::{Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// A record of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRecordResponse {
    pub number: i64,
    pub at: Rfc3339,
    pub actor: String,
    #[schema(required = true)]
    pub request_id: Option<String>,
    pub action: String,
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub account_id: Option<Id>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub entity: Option<Id>,
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
}

/// A page of the audit log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditListResponse {
    pub records: Vec<AuditRecordResponse>,
    /// Where the next page begins, if there is one.
    #[schema(required = true)]
    pub next: Option<i64>,
}

/// Whether the audit log is intact. A log that was tampered with is an answer, not an error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum VerifyAuditResponse {
    /// Every record is as it was written, and none is missing.
    Intact {
        intact: bool,
        records: i64,
        #[schema(value_type = String)]
        checkpoint: Checkpoint,
    },
    /// The log was tampered with at this record.
    Broken {
        intact: bool,
        number: i64,
        what: &'static str,
    },
}

response_from!(AuditRecord => AuditRecordResponse {
    number, at, actor, request_id, action, account_id, entity, detail
});

impl Operations {
    /// Lists at most `limit` records whose numbers are below `before`, newest first.
    pub fn list_audit(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> BoxFuture<'_, Result<AuditListResponse, OpsError>> {
        Box::pin(async move {
            let records = self
                .store
                .list_audit(&self.caller, before, limit.saturating_add(1));
            let (records, next) = cut(records.await?, limit, |record| record.number);
            let records = records.into_iter().map(Into::into).collect();
            Ok(AuditListResponse { records, next })
        })
    }

    /// Verifies the audit log, and its continuation of an earlier checkpoint.
    pub fn verify_audit<'a>(
        &'a self,
        checkpoint: Option<&'a Checkpoint>,
    ) -> BoxFuture<'a, Result<VerifyAuditResponse, OpsError>> {
        Box::pin(async move {
            self.require_default_account()?;
            match self.store.verify_audit(checkpoint).await? {
                Verified::Intact {
                    records,
                    checkpoint,
                } => Ok(VerifyAuditResponse::Intact {
                    intact: true,
                    records,
                    checkpoint,
                }),
                Verified::Broken { number, what } => Ok(VerifyAuditResponse::Broken {
                    intact: false,
                    number,
                    what,
                }),
                _ => Err(OpsError::UnknownAuditState),
            }
        })
    }
}
