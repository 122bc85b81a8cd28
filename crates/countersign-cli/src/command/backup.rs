//! `countersign backup` and `countersign restore`.

use std::path::PathBuf;

use clap::Args;
use countersign::time::Timestamp;
use countersign_store::{Restored, Store, StoreError};
use serde_json::json;

use super::report::Report;
use super::{CommandResult, Context, caller};
use crate::error::CommandError;
use crate::schema::Rfc3339;

const FIELDS: &str = "file taken_at records change";

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to create, which must not exist
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// A file that `countersign backup` created
    file: PathBuf,
    /// Accept that changes since this time, such as 2026-03-15T12:00:00Z, are lost, and leave credentials as they
    /// were in the backup; without this, all credentials are suspended if changes are lost
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse_rfc3339)]
    pub(super) accept_loss_since: Option<Timestamp>,
}

pub(super) async fn back_up(context: &Context, BackupArgs { file }: &BackupArgs) -> CommandResult {
    let operations = context.operations().await?;
    let backup = operations.store().backup(operations.caller(), file);
    let backup = backup.await?;
    let response = json!({
        "file": file.to_string_lossy(),
        "taken_at": Rfc3339::from(backup.taken_at),
        "change": backup.change,
        "epoch": backup.epoch,
        "records": backup.records,
    });
    Ok(Report::of_fields(&response, FIELDS)?.with_note(
        "The master key is not in it, and the backup cannot be read without the key: store a copy of the key \
         elsewhere.",
    ))
}

pub(super) async fn restore(context: &Context, arguments: &RestoreArgs) -> CommandResult {
    let accepted = arguments.accept_loss_since;
    let (options, caller, file) = (context.store_options(), caller(), &arguments.file);
    let restored = Store::restore(&options, &caller, file, accepted);
    let restored = restored.await.map_err(|error| match error {
        StoreError::LossBeginsEarlier(at) => CommandError::new(format!(
            "the changes after {0} are lost: accept that with `--accept-loss-since {0}`, or an earlier moment",
            Rfc3339::from(at)
        )),
        error => error.into(),
    })?;
    let backup = &restored.backup;
    let kept = restored
        .previous
        .as_deref()
        .map(|path| path.to_string_lossy());
    let mut text = explanation(&restored, accepted.is_some());
    if let Some(kept) = &kept {
        text = format!("{text}\nThe previous database was kept as `{kept}`.");
    }
    let response = json!({
        "file": backup.file.to_string_lossy(),
        "taken_at": Rfc3339::from(backup.taken_at),
        "change": backup.change,
        "records": backup.records,
        "replayed": restored.replayed.ok(),
        "not_replayed": restored.replayed.err().map(|reason| reason.to_string()),
        "suspended": restored.suspended,
        "kept": kept,
    });
    Report::new(&response, text)
}

/// Returns what was restored, and how to go on.
fn explanation(restored: &Restored, accepted: bool) -> String {
    let at = Rfc3339::from(restored.backup.taken_at);
    let reason = match restored.replayed {
        Ok(changes) => {
            return format!(
                "Restored the backup of {at}, and replayed {changes} later changes: nothing is lost."
            );
        }
        Err(reason) => reason,
    };
    let lost = format!(
        "Restored the backup of {at}. Later changes are lost, because {reason}.\n\
         Every signing key was replaced: earlier tokens are rejected."
    );
    if accepted {
        return format!(
            "{lost}\nCredentials are as they were in the backup: revoke again those that were revoked later."
        );
    }
    format!(
        "{lost}\n{} active credentials were suspended, since any of them may have been revoked later.\n\
         To go on, run `countersign key activate ID` and `countersign user activate NAME` for each that was not \
         revoked, or `countersign restore {} --accept-loss-since {at}`, which leaves all as they were in the backup.",
        restored.suspended,
        restored.backup.file.display()
    )
}
