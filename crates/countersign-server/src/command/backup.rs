//! `countersign backup`.

use std::borrow::Cow;
use std::process::ExitCode;

use countersign::Id;
use serde::Serialize;

use super::arguments::BackupArgs;
use super::output::{Output, fields};
use crate::error::CommandError;
use crate::ops::Operations;
use crate::schema::Rfc3339;

const FIELDS: &str = "file taken_at records change";

#[derive(Serialize)]
struct BackupResponse<'a> {
    file: Cow<'a, str>,
    taken_at: Rfc3339,
    change: i64,
    epoch: Id,
    records: i64,
}

pub(super) async fn run(
    operations: &Operations,
    BackupArgs { file }: BackupArgs,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let backup = operations
        .store()
        .backup(operations.caller(), &file)
        .await?;
    let response = BackupResponse {
        file: file.to_string_lossy(),
        taken_at: backup.taken_at.into(),
        change: backup.change,
        epoch: backup.epoch,
        records: backup.records,
    };
    let text = fields(&response, FIELDS)?;
    let text = format!(
        "{text}\n\nThe master key is not in it, and the backup cannot be read without the key: store a copy of \
         the key elsewhere."
    );
    output.print(&response, &text)
}
