use axum::extract::State;
use countersign::Id;
use countersign::time::Timestamp;
use countersign_store::{AuditRecord, Checkpoint, Verified};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Admin;
use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Page, RecordNumber};
use super::problem::Problem;
use crate::command::output;
use crate::http::openapi::{Routes, get, values};

pub(super) fn routes(admin: &Admin) -> Routes {
    let list = get("audit_list", "What was done, newest first", list)
        .answers::<Records<'_>>("a page of it");
    let verify = get(
        "audit_verify",
        "Whether the audit log was tampered with",
        verify,
    )
    .answers::<Found>("what was found");
    Routes::new()
        .at("/audit", [list])
        .at("/audit/verify", [verify])
        .with_state(admin.clone())
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditRecords)]
struct Records<'a> {
    records: Vec<Shown<'a>>,
    /// Where the next page begins, if there is one.
    #[schema(required = true)]
    next: Option<i64>,
}

/// What was found, not whether it is good: a log that was tampered with is an answer, too.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerified)]
#[serde(untagged)]
enum Found {
    Intact {
        intact: bool,
        records: i64,
        #[schema(value_type = String)]
        checkpoint: Checkpoint,
    },
    Broken {
        intact: bool,
        number: i64,
        what: &'static str,
    },
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditRecord)]
struct Shown<'a> {
    number: i64,
    #[serde(serialize_with = "output::moment")]
    #[schema(value_type = values::Moment)]
    at: Timestamp,
    actor: &'a str,
    #[schema(required = true)]
    request_id: Option<&'a str>,
    action: &'a str,
    #[schema(value_type = Option<values::Id>, required = true)]
    account_id: Option<Id>,
    #[schema(value_type = Option<values::Id>, required = true)]
    entity: Option<Id>,
    #[schema(value_type = Object)]
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
    let records = records.iter().map(Shown::from).collect();
    answer::json(&Records { records, next })
}

async fn verify(State(admin): State<Admin>, by: Administrator) -> Answer {
    by.runs_the_server()?;
    answer::json(&match admin.0.store.verify_audit(None).await? {
        Verified::Intact {
            records,
            checkpoint,
        } => Found::Intact {
            intact: true,
            records,
            checkpoint,
        },
        Verified::Broken { number, what } => Found::Broken {
            intact: false,
            number,
            what,
        },
        _ => return Err(Problem::internal()),
    })
}
