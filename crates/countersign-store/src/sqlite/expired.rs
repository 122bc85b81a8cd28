//! Deletion of what has expired, both by the clock and by the time for which the database was open.

use std::time::Duration;

use countersign::time::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::Connection;
use super::rows::id;
use crate::error::Result;
use crate::records::ChangedEntity;

/// How many records of a kind are deleted at once, so that revocations do not wait.
const BATCH: usize = 1000;
/// How much later than its time a record is deleted. Clocks differ, and uptime is not counted all the time.
const UPTIME_MARGIN: Duration = Duration::from_secs(3600);

/// Begins to count uptime `now`, a time since the machine was started. A later count is one of another machine, or from
/// before this one was started again.
pub(crate) async fn begin_uptime(db: &mut Connection, now: Duration) -> Result<()> {
    let query = "UPDATE state SET uptime_counted = ?1 WHERE uptime_counted > ?1";
    execute!(db, query, millis(now));
    Ok(())
}

/// Adds the time since this process counted last, or since another one did later, to the time for which the database was
/// open. Both are times since the machine was started.
pub(crate) async fn count_uptime(
    db: &mut Connection,
    since: Duration,
    now: Duration,
) -> Result<()> {
    execute!(
        db,
        "UPDATE state SET uptime_counted = ?2,
             uptime = uptime + ?2 - iif(uptime_counted BETWEEN ?1 AND ?2, uptime_counted, ?1)",
        millis(since),
        millis(now),
    );
    Ok(())
}

/// Returns the time for which the database was open, in milliseconds, less a margin: what was due then is over.
pub(crate) async fn safe_uptime(db: &mut Connection) -> Result<i64> {
    let uptime: i64 = fetch_scalar!(db, "SELECT uptime FROM state");
    Ok(uptime.saturating_sub(millis(UPTIME_MARGIN)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// When records are expired.
#[derive(Clone, Copy)]
pub(crate) struct Expiry {
    /// The present time.
    pub(crate) now: Timestamp,
    /// Denials, sessions and responses that ended before are deleted.
    pub(crate) before: Timestamp,
    /// Records of managed tokens that ended before are deleted.
    pub(crate) tokens_before: Timestamp,
}

/// Returns the statement that selects previous secrets whose grace period has ended: a clock that is set back must not make
/// them valid again. Either the clock says so too, or so much time has passed that it must be behind.
macro_rules! ended_graces {
    ($now:literal, $safe_uptime:literal) => {
        concat!(
            "SELECT id FROM credentials WHERE previous_until_uptime <= (SELECT uptime FROM state) AND (previous_until <= ",
            $now,
            " OR previous_until_uptime < ",
            $safe_uptime,
            ")"
        )
    };
}

/// Returns whether there is anything to delete.
pub(crate) async fn exist(db: &mut Connection, expiry: Expiry) -> Result<bool> {
    Ok(fetch_scalar!(
        db,
        concat!(
            "SELECT EXISTS (SELECT 1 FROM denials WHERE until < ?1 AND until_uptime < ?3)
             OR EXISTS (SELECT 1 FROM sessions WHERE expires_at < ?1 AND until_uptime < ?3)
             OR EXISTS (SELECT 1 FROM idempotency_keys WHERE until < ?1 AND until_uptime < ?3)
             OR EXISTS (SELECT 1 FROM credentials WHERE kind = 'token' AND expires_at < ?2 AND until_uptime < ?3)
             OR EXISTS (",
            ended_graces!("?4", "?3"),
            ")"
        ),
        expiry.before.unix_millis(),
        expiry.tokens_before.unix_millis(),
        safe_uptime(db).await?,
        expiry.now.unix_millis(),
    ))
}

/// Deletes some of the expired records, and of the previous secrets whose grace has ended. Returns the changes that views
/// must see, and whether there may be more.
pub(crate) async fn delete(
    db: &mut Connection,
    expiry: Expiry,
) -> Result<(Vec<ChangedEntity>, bool)> {
    let uptime = safe_uptime(db).await?;
    let (before, tokens_before) = (
        expiry.before.unix_millis(),
        expiry.tokens_before.unix_millis(),
    );
    let mut deleted = fetch_all!(
        db,
        |row: &SqliteRow| Ok(ChangedEntity::Denial(id(row, "entity")?)),
        "DELETE FROM denials WHERE (entity, issuer) IN
             (SELECT entity, issuer FROM denials WHERE until < ? AND until_uptime < ? LIMIT 1000)
         RETURNING entity",
        before,
        uptime,
    );
    let tokens = fetch_all!(
        db,
        |row: &SqliteRow| Ok(ChangedEntity::Credential(id(row, "id")?)),
        "DELETE FROM credentials WHERE id IN
             (SELECT id FROM credentials WHERE kind = 'token' AND expires_at < ? AND until_uptime < ? LIMIT 1000)
         RETURNING id",
        tokens_before,
        uptime,
    );
    let graces = fetch_all!(
        db,
        |row: &SqliteRow| Ok(ChangedEntity::Credential(id(row, "id")?)),
        concat!(
            "UPDATE credentials SET previous_digest = NULL, previous_until = NULL, previous_until_uptime = NULL
             WHERE id IN (",
            ended_graces!("?1", "?2"),
            " LIMIT 1000) RETURNING id"
        ),
        expiry.now.unix_millis(),
        uptime,
    );
    let mut full = [&deleted, &tokens, &graces]
        .iter()
        .any(|batch| batch.len() == BATCH);
    deleted.extend(tokens);
    deleted.extend(graces);
    for query in [
        "DELETE FROM sessions WHERE rowid IN
             (SELECT rowid FROM sessions WHERE expires_at < ? AND until_uptime < ? LIMIT 1000)",
        "DELETE FROM idempotency_keys WHERE rowid IN
             (SELECT rowid FROM idempotency_keys WHERE until < ? AND until_uptime < ? LIMIT 1000)",
    ] {
        full |= execute!(db, query, before, uptime) == BATCH as u64;
    }
    Ok((deleted, full))
}
