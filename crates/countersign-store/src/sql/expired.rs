//! Deletion of what has expired, both by the clock and by the time for which the database was open.

use std::time::Duration;

use countersign::time::Timestamp;

use super::rows::id;
use super::{Connection, Row};
use crate::error::Result;
use crate::records::ChangedEntity;

/// How many records of a kind are deleted at once, so that revocations do not wait.
const BATCH: usize = 1000;
/// How much later than its time a record is deleted. Clocks differ, and uptime is not counted all the time.
const UPTIME_MARGIN: Duration = Duration::from_secs(3600);

/// Returns the time for which the database was open, in milliseconds.
pub(crate) async fn uptime(db: &mut Connection) -> Result<i64> {
    Ok(fetch_scalar!(db, "SELECT uptime FROM state"))
}

/// Counts that `elapsed` has passed since the database had been open for `seen` milliseconds. Processes on several machines
/// count the same time, and their clocks have nothing in common: the one that has counted most prevails. Returns for how
/// long the database was open.
pub(crate) async fn count_uptime(db: &mut Connection, seen: i64, elapsed: Duration) -> Result<i64> {
    let least = seen.saturating_add(millis(elapsed));
    execute!(db, "UPDATE state SET uptime = $1 WHERE uptime < $1", least);
    uptime(db).await
}

/// Returns the time for which the database was open, in milliseconds, less a margin: what was due then is over.
pub(crate) async fn safe_uptime(db: &mut Connection) -> Result<i64> {
    Ok(uptime(db).await?.saturating_sub(millis(UPTIME_MARGIN)))
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
    let uptime = safe_uptime(db).await?;
    Ok(fetch_scalar!(
        db,
        concat!(
            "SELECT EXISTS (SELECT 1 FROM denials WHERE until < $1 AND until_uptime < $3)
             OR EXISTS (SELECT 1 FROM sessions WHERE expires_at < $1 AND until_uptime < $3)
             OR EXISTS (SELECT 1 FROM idempotency_keys WHERE until < $1 AND until_uptime < $3)
             OR EXISTS (SELECT 1 FROM credentials WHERE kind = 'token' AND expires_at < $2 AND until_uptime < $3)
             OR EXISTS (",
            ended_graces!("$4", "$3"),
            ")"
        ),
        expiry.before.unix_millis(),
        expiry.tokens_before.unix_millis(),
        uptime,
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
        |row: &Row| Ok(ChangedEntity::Denial(id(row, "entity")?)),
        "DELETE FROM denials WHERE (entity, issuer) IN
             (SELECT entity, issuer FROM denials WHERE until < $1 AND until_uptime < $2 LIMIT 1000)
         RETURNING entity",
        before,
        uptime,
    );
    let tokens = fetch_all!(
        db,
        |row: &Row| Ok(ChangedEntity::Credential(id(row, "id")?)),
        "DELETE FROM credentials WHERE id IN
             (SELECT id FROM credentials WHERE kind = 'token' AND expires_at < $1 AND until_uptime < $2 LIMIT 1000)
         RETURNING id",
        tokens_before,
        uptime,
    );
    let graces = fetch_all!(
        db,
        |row: &Row| Ok(ChangedEntity::Credential(id(row, "id")?)),
        concat!(
            "UPDATE credentials SET previous_digest = NULL, previous_until = NULL, previous_until_uptime = NULL
             WHERE id IN (",
            ended_graces!("$1", "$2"),
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
             (SELECT rowid FROM sessions WHERE expires_at < $1 AND until_uptime < $2 LIMIT 1000)",
        "DELETE FROM idempotency_keys WHERE rowid IN
             (SELECT rowid FROM idempotency_keys WHERE until < $1 AND until_uptime < $2 LIMIT 1000)",
    ] {
        full |= execute!(db, query, before, uptime) == BATCH as u64;
    }
    Ok((deleted, full))
}
