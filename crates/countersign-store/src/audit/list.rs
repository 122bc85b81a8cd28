//! Reading the log.

use countersign::Id;
use countersign::time::Timestamp;
use serde_json::{Map, Value};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::StoreError;
use crate::record::read_id;

/// One record of the audit log.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Its place in the log, from 1 on without a gap.
    pub number: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// Which request it was part of.
    pub request_id: Option<String>,
    /// What was done.
    pub action: String,
    /// Whose account it concerned; nothing where it was the whole server's.
    pub account_id: Option<Id>,
    /// What it was done to.
    pub entity: Option<Id>,
    /// What else there is to say.
    pub detail: Map<String, Value>,
}

/// The statement that reads records, newest first, with the condition that says which.
macro_rules! select_newest {
    ($which:literal) => {
        concat!(
            "SELECT number, at, actor, request_id, action, account_id, entity, detail FROM audit \
             WHERE number < ? ",
            $which,
            " ORDER BY number DESC LIMIT ?"
        )
    };
}

/// At most `limit` records, newest first, of `account` or of all. The next ones are those `before`
/// the number of the last: a page stays the same when records are appended.
///
/// They are not verified.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    account: Option<&Id>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let before = before.unwrap_or(i64::MAX);
    let query = match account {
        Some(account) => sqlx::query(select_newest!("AND account_id = ?"))
            .bind(before)
            .bind(account.as_bytes().as_slice()),
        None => sqlx::query(select_newest!("")).bind(before),
    };
    let rows = query.bind(limit).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<AuditRecord, StoreError> {
    let account: Option<&[u8]> = row.try_get("account_id")?;
    let entity: Option<&[u8]> = row.try_get("entity")?;
    let detail = serde_json::from_str(row.try_get("detail")?);
    Ok(AuditRecord {
        number: row.try_get("number")?,
        at: Timestamp::from_unix_millis(row.try_get("at")?),
        actor: row.try_get("actor")?,
        request_id: row.try_get("request_id")?,
        action: row.try_get("action")?,
        account_id: account.map(read_id).transpose()?,
        entity: entity.map(read_id).transpose()?,
        detail: detail.map_err(|_| StoreError::Corrupt {
            what: "the details of an audit record",
        })?,
    })
}
