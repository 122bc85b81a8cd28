//! Denials, and the longest lifetimes, which decide how long they are stored.

use std::time::Duration;

use countersign::Id;
use countersign::directory::DenySet;
use countersign::registry::backend::{CallerToken, SESSION_GENERATION};
use countersign::time::Timestamp;

use super::rows::{blob, id, optional_blob, time};
use super::{Connection, Row};
use crate::error::{Result, corrupt};

/// Returns when the last access token will have expired that exists at `now`, whichever issuer minted it.
pub(crate) async fn until(db: &mut Connection, now: Timestamp) -> Result<Timestamp> {
    let seconds: i64 = fetch_scalar!(db, "SELECT largest_lifetime FROM state");
    Ok(now.plus(Duration::from_secs(seconds.unsigned_abs())))
}

/// Returns the longest lifetime of any signed token, managed tokens included.
pub(crate) async fn longest_signed(db: &mut Connection) -> Result<Duration> {
    let seconds: i64 = fetch_scalar!(db, "SELECT longest_signed FROM state");
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}

/// Raises the longest lifetime of signed tokens, and that of access tokens too unless it is for managed tokens.
pub(crate) async fn allow_lifetime(
    db: &mut Connection,
    lifetime: Duration,
    managed: bool,
) -> Result<()> {
    execute!(
        db,
        concat!(
            "UPDATE state SET longest_signed = ",
            greatest!("longest_signed", "$1"),
            ", largest_lifetime = CASE WHEN $2 = 0 AND largest_lifetime < $1 THEN $1 ELSE largest_lifetime END
             WHERE longest_signed < $1 OR (largest_lifetime < $1 AND $2 = 0)"
        ),
        i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
        managed,
    );
    Ok(())
}

/// Returns the clause that keeps the higher generation and the later end of two denials of an entity.
macro_rules! later_end {
    () => {
        concat!(
            " ON CONFLICT (entity, issuer) DO UPDATE SET lowest_generation = ",
            greatest!("denials.lowest_generation", "excluded.lowest_generation"),
            ", until = ",
            greatest!("denials.until", "excluded.until"),
            ", until_uptime = ",
            greatest!("denials.until_uptime", "excluded.until_uptime")
        )
    };
}
pub(crate) use later_end;

/// The tokens of an entity that are denied.
#[derive(Clone, Copy)]
pub(crate) enum Denied<'a> {
    /// Those with a lower generation.
    Below(u32),
    /// The entity is a single token of this issuer.
    TokenOf(&'a str),
}

/// Denies tokens until the last of them has expired. The clock may be ahead, so that less time seems to be left than there
/// is: the database is open for at least the longest lifetime of an access token before the denial is deleted.
pub(crate) async fn insert(
    db: &mut Connection,
    entity: &Id,
    denied: Denied<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let (issuer, lowest) = match denied {
        Denied::Below(lowest) => ("", Some(lowest)),
        Denied::TokenOf(issuer) => (issuer, None),
    };
    execute!(
        db,
        concat!(
            "INSERT INTO denials (entity, issuer, lowest_generation, until, until_uptime)
             VALUES ($1, $2, $3, $4, (SELECT uptime + ",
            greatest!("$4 - $5", "largest_lifetime * 1000"),
            " FROM state))",
            later_end!()
        ),
        blob(entity),
        issuer,
        lowest,
        until.unix_millis(),
        now.unix_millis(),
    );
    Ok(())
}

/// Returns whether a single token is denied until a time.
pub(crate) async fn is_token_denied(
    db: &mut Connection,
    issuer: &str,
    token: &Id,
    until: Timestamp,
) -> Result<bool> {
    Ok(fetch_scalar!(
        db,
        "SELECT EXISTS (SELECT 1 FROM denials WHERE entity = $1 AND issuer = $2 AND until >= $3)",
        blob(token),
        issuer,
        until.unix_millis(),
    ))
}

/// Returns whether a token is denied, by itself or with its session.
pub(crate) async fn denies(db: &mut Connection, token: &CallerToken) -> Result<bool> {
    Ok(fetch_scalar!(
        db,
        "SELECT EXISTS (SELECT 1 FROM denials WHERE entity = $1 AND issuer = $2)
         OR EXISTS (SELECT 1 FROM denials WHERE entity = $3 AND issuer = '' AND lowest_generation > $4)",
        blob(&token.id),
        &*token.issuer,
        optional_blob(token.session.as_ref()),
        SESSION_GENERATION,
    ))
}

/// Returns the statement that reads the denials to which a clause applies.
macro_rules! select {
    ($clause:literal) => {
        concat!(
            "SELECT entity, issuer, lowest_generation, until FROM denials ",
            $clause
        )
    };
}

/// Loads all denials, without having all of their rows in memory.
pub(crate) async fn load_all(db: &mut Connection, into: &DenySet) -> Result<()> {
    db.for_each(select!(""), |row| put(row, into)).await
}

/// Returns whether there is any.
pub(crate) async fn load(db: &mut Connection, entity: &Id, into: &DenySet) -> Result<bool> {
    let read = |row: &Row| put(row, into);
    let found = fetch_all!(db, read, select!("WHERE entity = $1"), blob(entity));
    Ok(!found.is_empty())
}

fn put(row: &Row, into: &DenySet) -> Result<()> {
    let (entity, until) = (id(row, "entity")?, time(row, "until")?);
    let lowest: Option<i64> = row.try_get("lowest_generation")?;
    match lowest.map(u32::try_from) {
        Some(Ok(lowest)) => into.deny_below(entity, lowest, until),
        Some(Err(_)) => return corrupt("the generation of a denial"),
        None => into.deny_token(row.try_get::<&str>("issuer")?.into(), entity, until),
    }
    Ok(())
}
