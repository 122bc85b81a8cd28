//! `countersign restore`.

use std::borrow::Cow;
use std::process::ExitCode;

use countersign_store::{Restored, Store, StoreError};
use serde::Serialize;

use super::arguments::RestoreArgs;
use super::output::Output;
use super::{caller, store_options};
use crate::config::Config;
use crate::error::CommandError;
use crate::schema::Rfc3339;

#[derive(Serialize)]
struct RestoreResponse<'a> {
    file: Cow<'a, str>,
    taken_at: Rfc3339,
    change: i64,
    records: i64,
    replayed: Option<i64>,
    not_replayed: Option<String>,
    suspended: u64,
    kept: Option<Cow<'a, str>>,
}

pub(super) async fn run(
    config: &Config,
    arguments: &RestoreArgs,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let RestoreArgs {
        file,
        accept_loss_since,
    } = arguments;
    let options = store_options(config);
    let restored = Store::restore(&options, &caller(), file, *accept_loss_since).await;
    let restored = restored.map_err(|error| match error {
        StoreError::LossBeginsEarlier(at) => CommandError::new(format!(
            "the changes after {0} are lost: accept that with `--accept-loss-since {0}`, or an earlier moment",
            Rfc3339(at)
        )),
        error => error.into(),
    })?;
    let backup = &restored.backup;
    let response = RestoreResponse {
        file: backup.file.to_string_lossy(),
        taken_at: backup.taken_at.into(),
        change: backup.change,
        records: backup.records,
        replayed: restored.replayed.ok(),
        not_replayed: restored.replayed.err().map(|why| why.to_string()),
        suspended: restored.suspended,
        kept: restored
            .previous
            .as_deref()
            .map(|path| path.to_string_lossy()),
    };
    let kept = match &response.kept {
        Some(kept) => format!("\nThe previous database was kept as `{kept}`."),
        None => String::new(),
    };
    let text = explanation(&restored, accept_loss_since.is_some()) + &kept;
    output.print(&response, &text)
}

/// Returns what was restored, and how to go on.
fn explanation(restored: &Restored, accepted: bool) -> String {
    let at = Rfc3339(restored.backup.taken_at);
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
