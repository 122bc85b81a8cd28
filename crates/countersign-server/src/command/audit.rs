//! `countersign audit …`.

use std::process::ExitCode;

use countersign::Id;
use countersign::time::Timestamp;
use countersign_store::{AuditRecord, Checkpoint, Store, Verified};
use serde::Serialize;
use serde_json::{Map, Value};

use super::arguments::Audit;
use super::output::{self, Output};
use super::{caller, open};
use crate::config::Config;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    Intact {
        intact: bool,
        records: i64,
        checkpoint: Checkpoint,
    },
    Broken {
        intact: bool,
        number: i64,
        what: &'static str,
    },
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

#[derive(Serialize)]
struct Listed<'a> {
    records: Vec<Shown<'a>>,
}

pub(super) async fn run(
    config: &Config,
    command: Audit,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    let code = match command {
        Audit::Verify { checkpoint } => verify(&store, checkpoint.as_ref(), output).await?,
        Audit::List { limit } => {
            let records = store.list_audit(&caller(), None, limit).await?;
            list(&records, output)?;
            ExitCode::SUCCESS
        }
    };
    store.close().await?;
    Ok(code)
}

async fn verify(
    store: &Store,
    checkpoint: Option<&Checkpoint>,
    output: Output,
) -> Result<ExitCode, Failure> {
    match store.verify_audit(checkpoint).await? {
        Verified::Intact {
            records,
            checkpoint,
        } => {
            let text = format!(
                "{records} records, each as it was written, and none is missing\ncheckpoint {checkpoint}"
            );
            let intact = true;
            let found = Found::Intact {
                intact,
                records,
                checkpoint,
            };
            output.print(&found, &text)?;
            Ok(ExitCode::SUCCESS)
        }
        Verified::Broken { number, what } => {
            if output == Output::People {
                return Err(Failure::new(format!(
                    "the audit log was tampered with: record {number} {what}; compare it with a backup"
                )));
            }
            let intact = false;
            let found = Found::Broken {
                intact,
                number,
                what,
            };
            output.print(&found, "")?;
            Ok(ExitCode::FAILURE)
        }
        _ => Err(Failure::new("the audit log could not be judged")),
    }
}

fn list(records: &[AuditRecord], output: Output) -> Result<(), Failure> {
    let records: Vec<_> = records.iter().map(Shown::from).collect();
    let text = match &*records {
        [] => "nothing was done yet that is on record".to_owned(),
        records => output::rows(
            [
                "NUMBER", "AT", "ACTOR", "ACTION", "ACCOUNT", "ENTITY", "DETAIL",
            ],
            records.iter().map(Shown::cells),
        ),
    };
    output.print(&Listed { records }, &text)
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

impl Shown<'_> {
    fn cells(&self) -> [String; 7] {
        let id = |id: Option<Id>| id.map(|id| id.to_string()).unwrap_or_default();
        // In JSON no control character is written as it is.
        let detail = self
            .detail
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        [
            self.number.to_string(),
            output::rfc3339(self.at),
            self.actor.to_owned(),
            self.action.to_owned(),
            id(self.account_id),
            id(self.entity),
            detail.collect::<Vec<_>>().join(" "),
        ]
    }
}
