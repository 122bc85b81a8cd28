//! `countersign backup`.

use std::borrow::Cow;
use std::process::ExitCode;

use countersign::Id;
use serde::Serialize;

use super::arguments::Backup;
use super::output::{self, Output};
use super::{caller, open};
use crate::config::Config;
use crate::failure::Failure;

#[derive(Serialize)]
struct Made<'a> {
    file: Cow<'a, str>,
    change: i64,
    epoch: Id,
    records: i64,
}

pub(super) async fn run(
    config: &Config,
    Backup { file }: &Backup,
    output: Output,
) -> Result<ExitCode, Failure> {
    let store = open(config).await?;
    let backup = store.backup(&caller(), file).await?;
    let made = Made {
        file: file.to_string_lossy(),
        change: backup.change,
        epoch: backup.epoch,
        records: backup.records,
    };
    let lines = output::table(&[
        ("file", made.file.to_string()),
        ("taken at", output::rfc3339(backup.taken_at)),
        ("credentials", made.records.to_string()),
        ("last change", made.change.to_string()),
    ]);
    let text = format!(
        "{lines}\n\nThe master key is not in it, and nothing in it opens without: keep a copy of the key elsewhere."
    );
    output.print(&made, &text)?;
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}
