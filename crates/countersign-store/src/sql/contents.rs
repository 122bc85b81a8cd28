//! What is in a database.

use std::path::Path;

use super::Connection;
use super::rows::{id, time};
use crate::error::Result;
use crate::records::Backup;

/// Describes the contents of the backup in `file`.
pub(crate) async fn describe(db: &mut Connection, file: &Path) -> Result<Backup> {
    let row = fetch_one!(
        db,
        "SELECT number, epoch, (SELECT count(*) FROM credentials) AS records,
             coalesce((SELECT at FROM audit ORDER BY number DESC LIMIT 1), 0) AS taken_at
         FROM change_head, state",
    );
    Ok(Backup {
        file: file.to_owned(),
        change: row.try_get("number")?,
        epoch: id(&row, "epoch")?,
        records: row.try_get("records")?,
        taken_at: time(&row, "taken_at")?,
    })
}
