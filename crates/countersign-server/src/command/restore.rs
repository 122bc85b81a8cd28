//! `countersign restore`.

use std::borrow::Cow;
use std::process::ExitCode;

use countersign::time::Timestamp;
use countersign_store::{Restored, Store, StoreError};
use serde::Serialize;

use super::arguments::Restore;
use super::output::{self, Output};
use super::{caller, store_options};
use crate::config::Config;
use crate::failure::Failure;

#[derive(Serialize)]
struct Shown<'a> {
    file: Cow<'a, str>,
    #[serde(serialize_with = "output::moment")]
    taken_at: Timestamp,
    change: i64,
    records: i64,
    replayed: Option<i64>,
    not_replayed: Option<String>,
    suspended: u64,
    kept: Option<Cow<'a, str>>,
}

pub(super) async fn run(
    config: &Config,
    arguments: &Restore,
    output: Output,
) -> Result<ExitCode, Failure> {
    let Restore {
        file,
        accept_loss_since,
    } = arguments;
    let options = store_options(config);
    let restored = Store::restore(&options, &caller(), file, *accept_loss_since).await;
    let restored = restored.map_err(|error| match error {
        StoreError::LostSince { at } => Failure::new(format!(
            "what changed after {0} is lost: `--accept-loss-since {0}`, or an earlier moment",
            output::rfc3339(at)
        )),
        error => error.into(),
    })?;
    let backup = &restored.backup;
    let shown = Shown {
        file: backup.file.to_string_lossy(),
        taken_at: backup.taken_at,
        change: backup.change,
        records: backup.records,
        replayed: restored.replayed.ok(),
        not_replayed: restored.replayed.err().map(|why| why.to_string()),
        suspended: restored.suspended,
        kept: restored.kept.as_deref().map(|kept| kept.to_string_lossy()),
    };
    let kept = match &shown.kept {
        Some(kept) => format!("\nWhat was in place is kept as `{kept}`."),
        None => String::new(),
    };
    let text = explain(&restored, accept_loss_since.is_some()) + &kept;
    output.print(&shown, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// What was done, and how to go on.
fn explain(restored: &Restored, accepted: bool) -> String {
    let at = output::rfc3339(restored.backup.taken_at);
    let why = match restored.replayed {
        Ok(changes) => {
            return format!(
                "restored the backup of {at}, and replayed {changes} changes since: nothing is lost"
            );
        }
        Err(why) => why,
    };
    let lost = format!(
        "restored the backup of {at}; what changed since is lost, because {why}.\n\
         Every signing key was replaced: tokens from before are refused."
    );
    if accepted {
        return format!(
            "{lost}\nCredentials are as they were in the backup: revoke again what was revoked since."
        );
    }
    format!(
        "{lost}\n{} credentials were active, and are suspended, since any of them may have been revoked since.\n\
         To go on: `countersign key activate ID` for each that was not, and `countersign user activate NAME`; or \
         `countersign restore {} --accept-loss-since {at}`, which leaves all as they were in the backup.",
        restored.suspended,
        restored.backup.file.display()
    )
}
