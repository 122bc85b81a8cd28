//! The audit log and its head: the encrypted key of the chain, and the end of the chain.

use countersign::Id;
use countersign::time::Timestamp;
use serde_json::Value;

use super::row::Readable;
use super::rows::{blob, optional_blob, optional_id, time};
use super::{Connection, IntoValue as _, Row};
use crate::audit::{
    AuditKey, AuditRecord, ChainEnd, ChainedRecord, Checkpoint, Verified, Verifier,
};
use crate::error::{Result, corrupt};

/// Begins the chain. Call it only in the transaction that creates the table: otherwise an attacker who deleted the log
/// and its head would get a new chain.
pub(crate) async fn begin(db: &mut Connection, key: &AuditKey, sealed: &[u8]) -> Result<()> {
    let head = Checkpoint::of(&ChainEnd::GENESIS, key);
    execute!(
        db,
        "INSERT INTO audit_head (one, sealed, number, mac) VALUES (1, $1, $2, $3)",
        sealed,
        head.number,
        head.mac.as_slice(),
    );
    Ok(())
}

/// Returns the encrypted key of the chain.
pub(crate) async fn sealed_key(db: &mut Connection) -> Result<Vec<u8>> {
    let query = "SELECT sealed FROM audit_head WHERE one = 1";
    match fetch_optional!(db, |row| Ok(row.try_get("sealed")?), query) {
        Some(sealed) => Ok(sealed),
        None => corrupt("the audit log has lost its key and its end"),
    }
}

/// Appends a record. Call it in the transaction of the change that it describes, which must write from its beginning:
/// two transactions that read the same end could not both continue from it.
pub(crate) async fn append(
    db: &mut Connection,
    key: &AuditKey,
    now: Timestamp,
    appended: AuditRecord,
) -> Result<()> {
    let end = end(db, key).await?;
    let detail = Value::Object(appended.detail).to_string();
    let record = ChainedRecord {
        number: end.number.saturating_add(1),
        at: now.unix_millis(),
        actor: &appended.actor,
        request_id: appended.request_id.as_deref(),
        action: &appended.action,
        account: optional_blob(appended.account_id.as_ref()),
        entity: optional_blob(appended.entity.as_ref()),
        detail: &detail,
    };
    let end = ChainEnd {
        number: record.number,
        mac: key.record_mac(&end.mac, &record),
    };
    execute!(
        db,
        "INSERT INTO audit (number, at, actor, request_id, action, account_id, entity, detail, mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        record.number,
        record.at,
        record.actor,
        record.request_id,
        record.action,
        record.account,
        record.entity,
        record.detail,
        end.mac.as_slice(),
    );
    let head = Checkpoint::of(&end, key);
    execute!(
        db,
        "UPDATE audit_head SET number = $1, mac = $2 WHERE one = 1",
        head.number,
        head.mac.as_slice(),
    );
    Ok(())
}

/// Returns the end of the chain, if it is the one that was written. The head moves on with the next record, and would
/// cover up records that were removed.
async fn end(db: &mut Connection, key: &AuditKey) -> Result<ChainEnd> {
    let query = "SELECT number, mac FROM audit ORDER BY number DESC LIMIT 1";
    let end = match fetch_optional!(db, |row| Ok(read_end(row)), query) {
        None => Some(ChainEnd::GENESIS),
        Some(last) => last.map(|(number, mac)| ChainEnd { number, mac }),
    };
    let head = head(db).await?;
    match end.filter(|end| head.is_some_and(|head| head.is_of(end, key))) {
        Some(end) => Ok(end),
        None => corrupt("the end of the audit log is not the one that was written"),
    }
}

/// Returns the stored end of the log, or `None` if none can be read, which is a sign of tampering.
async fn head(db: &mut Connection) -> Result<Option<Checkpoint>> {
    let query = "SELECT number, mac FROM audit_head WHERE one = 1";
    let head = fetch_optional!(db, |row| Ok(read_end(row)), query);
    Ok(head
        .flatten()
        .map(|(number, mac)| Checkpoint { number, mac }))
}

fn read_end(row: &Row) -> Option<(i64, [u8; 32])> {
    let mac: &[u8] = row.try_get("mac").ok()?;
    Some((row.try_get("number").ok()?, mac.try_into().ok()?))
}

/// Verifies the whole log, and compares it with its head and with `since`. The log must not change meanwhile.
pub(crate) async fn verify(
    db: &mut Connection,
    key: &AuditKey,
    since: Option<&Checkpoint>,
) -> Result<Verified> {
    let mut verifier = Verifier::new(key, since);
    loop {
        if let Some(verified) = verify_page(db, &mut verifier).await? {
            return Ok(verified);
        }
    }
}

/// Returns the statement that reads a page of the records to which a condition applies.
macro_rules! select_chained {
    ($condition:literal) => {
        concat!(
            "SELECT number, at, actor, request_id, action, account_id, entity, detail, mac FROM audit ",
            $condition,
            " ORDER BY number LIMIT $1"
        )
    };
}

/// Verifies the next records, which must be read together with the head: records that are appended later would count as
/// forged. Returns the result after the last ones.
pub(crate) async fn verify_page(
    db: &mut Connection,
    verifier: &mut Verifier<'_>,
) -> Result<Option<Verified>> {
    verifier.head = head(db).await?;
    let last = verifier.end.number;
    let (query, known) = match last {
        0 => (select_chained!(""), 0),
        // Including the last one, so that another record of the same number is found.
        _ => (select_chained!("WHERE number >= $2"), 1),
    };
    let values = [PAGE.into_value(), last.into_value()];
    let rows = db.fetch_all(query, &values).await?;
    for row in rows.iter().skip(known) {
        if let Err(broken) = verifier.next(required(row, "number"), read_chained(row)) {
            return Ok(Some(broken));
        }
    }
    let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < PAGE);
    Ok(is_last.then(|| verifier.finish()))
}

/// How many records are verified at once.
const PAGE: i64 = 1000;

fn read_chained(row: &Row) -> Option<(ChainedRecord<'_>, &[u8])> {
    let record = ChainedRecord {
        number: required(row, "number")?,
        at: required(row, "at")?,
        actor: required(row, "actor")?,
        request_id: row.try_get("request_id").ok()?,
        action: required(row, "action")?,
        account: row.try_get("account_id").ok()?,
        entity: row.try_get("entity").ok()?,
        detail: required(row, "detail")?,
    };
    Some((record, required(row, "mac")?))
}

/// Decodes a column that is never NULL. The driver alone would decode NULL as zero or as an empty text, and a table that
/// an attacker created need not forbid NULL.
fn required<'r, T>(row: &'r Row, column: &str) -> Option<T>
where
    Option<T>: Readable<'r>,
{
    row.try_get::<Option<T>>(column).ok().flatten()
}

/// Returns the statement that reads records below a number, newest first.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT number, at, actor, request_id, action, account_id, entity, detail FROM audit \
             WHERE number < $1 ",
            $condition,
            " ORDER BY number DESC LIMIT $2"
        )
    };
}

/// Returns at most `limit` records with numbers below `before`, of one account or of all, newest first. They are not
/// verified.
pub(crate) async fn list(
    db: &mut Connection,
    account: Option<&Id>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditRecord>> {
    let before = before.unwrap_or(i64::MAX);
    Ok(match account.map(blob) {
        Some(account) => fetch_all!(
            db,
            read,
            select!("AND account_id = $3"),
            before,
            limit,
            account
        ),
        None => fetch_all!(db, read, select!(""), before, limit),
    })
}

fn read(row: &Row) -> Result<AuditRecord> {
    Ok(AuditRecord {
        number: row.try_get("number")?,
        at: time(row, "at")?,
        actor: row.try_get("actor")?,
        request_id: row.try_get("request_id")?,
        action: row.try_get("action")?,
        account_id: optional_id(row, "account_id")?,
        entity: optional_id(row, "entity")?,
        detail: serde_json::from_str(row.try_get("detail")?)
            .or_else(|_| corrupt("the details of an audit record"))?,
    })
}
