//! Writing the log.

use countersign::Id;
use countersign::time::Timestamp;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::AuditEntry;
use super::chain::{AuditKey, End, Link};
use super::head::{self, Head};
use crate::error::StoreError;

/// Puts `entry` on record. Call it in the transaction of what it tells of, which must be one that
/// writes from its beginning: two that read the same end could not both go on from it.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    key: &AuditKey,
    now: Timestamp,
    entry: AuditEntry<'_>,
) -> Result<(), StoreError> {
    let end = end(connection, key).await?;
    let detail = Value::Object(entry.detail).to_string();
    let link = Link {
        number: end.number.saturating_add(1),
        at: now.unix_millis(),
        actor: entry.actor,
        request_id: entry.request_id,
        action: entry.action,
        account: entry.account.as_ref().map(bytes),
        entity: entry.entity.as_ref().map(bytes),
        detail: &detail,
    };
    let mac = key.of_record(&end.mac, &link).bytes();
    sqlx::query(
        "INSERT INTO audit (number, at, actor, request_id, action, account_id, entity, detail, mac)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(link.number)
    .bind(link.at)
    .bind(link.actor)
    .bind(link.request_id)
    .bind(link.action)
    .bind(link.account)
    .bind(link.entity)
    .bind(link.detail)
    .bind(mac.as_slice())
    .execute(&mut *connection)
    .await?;
    let number = link.number;
    head::close(connection, &End { number, mac }, key).await
}

/// The chain's end, if it is the one that was written. The head moves on with the next record, and
/// would cover up what was cut off.
async fn end(connection: &mut SqliteConnection, key: &AuditKey) -> Result<End, StoreError> {
    let head = Head::find(&mut *connection).await?;
    let last = sqlx::query("SELECT number, mac FROM audit ORDER BY number DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    let end = match &last {
        None => Some(End::GENESIS),
        Some(row) => row
            .try_get::<&[u8], _>("mac")?
            .try_into()
            .ok()
            .zip(row.try_get("number").ok())
            .map(|(mac, number)| End { number, mac }),
    };
    end.filter(|end| head.is_some_and(|head| head.closes(end, key)))
        .ok_or(StoreError::Corrupt {
            what: "the end of the audit log is not the one that was written",
        })
}

fn bytes(id: &Id) -> &[u8] {
    id.as_bytes()
}
