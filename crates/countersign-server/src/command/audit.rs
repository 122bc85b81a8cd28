//! `countersign audit …`.

use std::process::ExitCode;

use super::arguments::AuditCommand;
use super::output::{Output, or_empty, table};
use crate::error::CommandError;
use crate::ops::{AuditRecordResponse, Operations, VerifyAuditResponse};

pub(super) async fn run(
    operations: &Operations,
    command: AuditCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    match command {
        AuditCommand::Verify { checkpoint } => {
            verify(&operations.verify_audit(checkpoint.as_ref()).await?, output)
        }
        AuditCommand::List { limit } => {
            let list = operations.list_audit(None, limit).await?;
            let header = [
                "NUMBER", "AT", "ACTOR", "ACTION", "ACCOUNT", "ENTITY", "DETAIL",
            ];
            let text = match &*list.records {
                [] => "the audit log has no records yet".to_owned(),
                records => table(header, records.iter().map(cells)),
            };
            output.print(&list, &text)
        }
    }
}

fn verify(response: &VerifyAuditResponse, output: Output) -> Result<ExitCode, CommandError> {
    match response {
        VerifyAuditResponse::Intact {
            records,
            checkpoint,
            ..
        } => {
            let text = format!(
                "{records} records, each as it was written, and none is missing\ncheckpoint {checkpoint}"
            );
            output.print(response, &text)
        }
        VerifyAuditResponse::Broken { number, what, .. } => {
            if output == Output::Text {
                return Err(CommandError::new(format!(
                    "the audit log was tampered with: record {number} {what}; compare it with a backup"
                )));
            }
            output.print(response, "")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn cells(record: &AuditRecordResponse) -> [String; 7] {
    // JSON escapes control characters.
    let detail = record
        .detail
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    [
        record.number.to_string(),
        record.at.to_string(),
        record.actor.clone(),
        record.action.clone(),
        or_empty(record.account_id),
        or_empty(record.entity),
        detail.collect::<Vec<_>>().join(" "),
    ]
}
