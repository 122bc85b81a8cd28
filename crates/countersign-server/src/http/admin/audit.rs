use axum::Router;
use axum::extract::State;
use axum::routing::get;
use countersign::Id;
use countersign::time::Timestamp;
use countersign_store::{AuditRecord, Verified};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Admin;
use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Page, RecordNumber};
use super::problem::Problem;
use crate::command::output;

pub(super) fn routes(admin: &Admin) -> Router {
    Router::new()
        .route("/audit", get(list))
        .route("/audit/verify", get(verify))
        .with_state(admin.clone())
}

#[derive(Serialize)]
struct Shown<'a> {
    number: i64,
    #[serde(serialize_with = "output::moment")]
    at: Timestamp,
    actor: &'a str,
    request_id: Option<&'a str>,
    action: &'a str,
    account_id: Option<Id>,
    entity: Option<Id>,
    detail: &'a Map<String, Value>,
}

impl<'a> From<&'a AuditRecord> for Shown<'a> {
    fn from(record: &'a AuditRecord) -> Self {
        Self {
            number: record.number,
            at: record.at,
            actor: &record.actor,
            request_id: record.request_id.as_deref(),
            action: &record.action,
            account_id: record.account_id,
            entity: record.entity,
            detail: &record.detail,
        }
    }
}

/// Newest first.
async fn list(State(admin): State<Admin>, by: Administrator, page: Page<RecordNumber>) -> Answer {
    let before = page.cursor.map(|RecordNumber(number)| number);
    let records = admin
        .0
        .store
        .list_audit(&by.caller, before, page.one_more());
    let (records, next) = page.cut(records.await?, |record| record.number);
    let shown: Vec<_> = records.iter().map(Shown::from).collect();
    answer::json(&json!({ "records": shown, "next": next }))
}

/// What was found, not whether it is good: a log that was tampered with is an answer, too.
async fn verify(State(admin): State<Admin>, by: Administrator) -> Answer {
    by.runs_the_server()?;
    answer::json(&match admin.0.store.verify_audit(None).await? {
        Verified::Intact {
            records,
            checkpoint,
        } => {
            json!({ "intact": true, "records": records, "checkpoint": checkpoint })
        }
        Verified::Broken { number, what } => {
            json!({ "intact": false, "number": number, "what": what })
        }
        _ => return Err(Problem::internal()),
    })
}
