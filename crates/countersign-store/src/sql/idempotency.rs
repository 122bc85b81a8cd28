//! Encrypted responses to requests that may be repeated.

use countersign::registry::IdempotencyKey;
use countersign::time::Timestamp;

use super::rows::{blob, id, time};
use super::{Connection, Row};
use crate::error::{Result, corrupt};
use crate::records::StoredAnswer;

/// Returns the response to the request with this key, if it is still stored, and its ciphertext.
pub(crate) async fn find(
    db: &mut Connection,
    key: &IdempotencyKey<'_>,
    now: Timestamp,
) -> Result<Option<(StoredAnswer, Vec<u8>)>> {
    Ok(fetch_optional!(
        db,
        |row| Ok((read(row)?, row.try_get("sealed")?)),
        "SELECT caller, key, request, until, sealed FROM idempotency_keys
         WHERE caller = $1 AND key = $2 AND until > $3",
        blob(&key.caller),
        key.key,
        now.unix_millis(),
    ))
}

/// Returns how many responses are stored for the caller of the request.
pub(crate) async fn count(
    db: &mut Connection,
    key: &IdempotencyKey<'_>,
    now: Timestamp,
) -> Result<i64> {
    Ok(fetch_scalar!(
        db,
        "SELECT count(*) FROM idempotency_keys WHERE caller = $1 AND until > $2",
        blob(&key.caller),
        now.unix_millis(),
    ))
}

/// Stores a response in place of one that has expired.
pub(crate) async fn insert(
    db: &mut Connection,
    answer: &StoredAnswer,
    sealed: &[u8],
    now: Timestamp,
) -> Result<()> {
    execute!(
        db,
        "INSERT INTO idempotency_keys (caller, key, request, sealed, until, until_uptime)
         VALUES ($1, $2, $3, $4, $5, (SELECT uptime FROM state) + $5 - $6)
         ON CONFLICT (caller, key) DO UPDATE SET request = excluded.request, sealed = excluded.sealed,
             until = excluded.until, until_uptime = excluded.until_uptime",
        blob(&answer.caller),
        &answer.key,
        answer.request.as_slice(),
        sealed,
        answer.until.unix_millis(),
        now.unix_millis(),
    );
    Ok(())
}

pub(super) fn read(row: &Row) -> Result<StoredAnswer> {
    let request: &[u8] = row.try_get("request")?;
    Ok(StoredAnswer {
        caller: id(row, "caller")?,
        key: row.try_get("key")?,
        request: request
            .try_into()
            .or_else(|_| corrupt("the digest of a request"))?,
        until: time(row, "until")?,
    })
}
