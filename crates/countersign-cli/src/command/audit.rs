//! `countersign audit …`.

use clap::Subcommand;
use countersign_store::Checkpoint;

use super::report::Report;
use super::{CommandResult, Context};
use crate::ops::VerifyAuditResponse;

const COLUMNS: &str = "number at actor action account_id entity detail";

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no record of the audit log is changed or missing; exit 1 if one is
    Verify {
        /// A checkpoint that an earlier `audit verify` printed and you stored elsewhere; with it, a log that was
        /// replaced, or rolled back with the whole database, is detected, too
        #[arg(long, value_name = "N:MAC")]
        checkpoint: Option<Checkpoint>,
    },
    /// List the newest records of the audit log, newest first
    List {
        /// The largest number of records
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}

pub(super) async fn run(context: &Context, command: AuditCommand) -> CommandResult {
    let operations = context.operations().await?;
    match command {
        AuditCommand::Verify { checkpoint } => {
            report(&operations.verify_audit(checkpoint.as_ref()).await?)
        }
        AuditCommand::List { limit } => {
            let list = operations.list_audit(None, limit).await?;
            Report::of_table(
                &list,
                &list.records,
                COLUMNS,
                "the audit log has no records yet",
            )
        }
    }
}

fn report(response: &VerifyAuditResponse) -> CommandResult {
    match response {
        VerifyAuditResponse::Intact {
            records,
            checkpoint,
            ..
        } => {
            let text = format!(
                "{records} records: none was changed, and none is missing\ncheckpoint {checkpoint}"
            );
            Report::new(response, text)
        }
        VerifyAuditResponse::Broken { number, what, .. } => {
            let text = format!(
                "countersign: the audit log was tampered with: record {number} {what}; compare the log with that of \
                 a backup"
            );
            Ok(Report::new(response, text)?.into_error())
        }
    }
}
