//! `countersign audit …`.

use std::process::ExitCode;

use super::arguments::AuditCommand;
use super::output::Output;
use crate::error::CommandError;
use crate::ops::{Operations, VerifyAuditResponse};

const COLUMNS: &str = "number at actor action account_id entity detail";

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
            output.print_table(
                &list,
                &list.records,
                COLUMNS,
                "the audit log has no records yet",
            )
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
                "{records} records: none was changed, and none is missing\ncheckpoint {checkpoint}"
            );
            output.print(response, &text)
        }
        VerifyAuditResponse::Broken { number, what, .. } => {
            if output == Output::Text {
                return Err(CommandError::new(format!(
                    "the audit log was tampered with: record {number} {what}; compare the log with that of a backup"
                )));
            }
            output.print(response, "")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
