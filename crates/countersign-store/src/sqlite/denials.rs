//! Denied entities and tokens, and the longest lifetimes, which decide how long they are stored.

use std::time::Duration;

use countersign::Id;
use countersign::directory::DenySet;
use countersign::registry::backend::{CallerToken, SESSION_GENERATION};
use countersign::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Connection;
use super::rows::{blob, id, optional_blob, time};
use crate::error::Result;

/// Returns when the last access token will have expired that exists at `now`, whichever issuer minted it.
pub(crate) async fn until(db: &mut Connection, now: Timestamp) -> Result<Timestamp> {
    Ok(now.plus(seconds(fetch_scalar!(
        db,
        "SELECT largest_lifetime FROM state"
    ))))
}

/// Returns the longest lifetime of any signed token, managed tokens included.
pub(crate) async fn longest_signed(db: &mut Connection) -> Result<Duration> {
    Ok(seconds(fetch_scalar!(
        db,
        "SELECT longest_signed FROM state"
    )))
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// Raises the longest lifetime of access tokens.
pub(crate) async fn allow_lifetime(db: &mut Connection, lifetime: Duration) -> Result<()> {
    execute!(
        db,
        "UPDATE state SET largest_lifetime = max(largest_lifetime, ?1), longest_signed = max(longest_signed, ?1)
         WHERE largest_lifetime < ?1 OR longest_signed < ?1",
        whole_seconds(lifetime),
    );
    Ok(())
}

/// Raises the longest lifetime of managed tokens.
pub(crate) async fn allow_managed_lifetime(db: &mut Connection, lifetime: Duration) -> Result<()> {
    execute!(
        db,
        "UPDATE state SET longest_signed = ?1 WHERE longest_signed < ?1",
        whole_seconds(lifetime),
    );
    Ok(())
}

fn whole_seconds(lifetime: Duration) -> i64 {
    i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)
}

/// Denies the tokens of an entity with a generation below `lowest`, until the last of them has expired.
pub(crate) async fn deny_below(
    db: &mut Connection,
    entity: &Id,
    lowest: u32,
    now: Timestamp,
) -> Result<()> {
    let until = until(db, now).await?;
    deny_below_until(db, entity, lowest, until).await
}

pub(crate) async fn deny_below_until(
    db: &mut Connection,
    entity: &Id,
    lowest: u32,
    until: Timestamp,
) -> Result<()> {
    execute!(
        db,
        "INSERT INTO denied_entities (entity, lowest_generation, until) VALUES (?, ?, ?)
         ON CONFLICT (entity) DO UPDATE SET
             lowest_generation = max(lowest_generation, excluded.lowest_generation),
             until = max(until, excluded.until)",
        blob(entity),
        lowest,
        until.unix_millis(),
    );
    Ok(())
}

/// Denies one token until it has expired.
pub(crate) async fn deny_token(
    db: &mut Connection,
    issuer: &str,
    token: &Id,
    until: Timestamp,
) -> Result<()> {
    execute!(
        db,
        "INSERT INTO denied_tokens (issuer, token, until) VALUES (?, ?, ?)
         ON CONFLICT (token, issuer) DO UPDATE SET until = max(until, excluded.until)",
        issuer,
        blob(token),
        until.unix_millis(),
    );
    Ok(())
}

/// Returns whether a token is denied, by itself or with its session.
pub(crate) async fn denies(db: &mut Connection, token: &CallerToken) -> Result<bool> {
    Ok(fetch_scalar!(
        db,
        "SELECT EXISTS (SELECT 1 FROM denied_tokens WHERE token = ? AND issuer = ?)
         OR EXISTS (SELECT 1 FROM denied_entities WHERE entity = ? AND lowest_generation > ?)",
        blob(&token.id),
        &*token.issuer,
        optional_blob(token.session.as_ref()),
        SESSION_GENERATION,
    ))
}

pub(crate) async fn delete_expired(db: &mut Connection, before: Timestamp) -> Result<()> {
    for query in [
        "DELETE FROM denied_entities WHERE until < ?",
        "DELETE FROM denied_tokens WHERE until < ?",
    ] {
        execute!(db, query, before.unix_millis());
    }
    Ok(())
}

pub(crate) async fn load(db: &mut Connection, into: &DenySet) -> Result<()> {
    let entities = fetch_all!(
        db,
        "SELECT entity, lowest_generation, until FROM denied_entities",
    );
    entities.iter().try_for_each(|row| put_entity(row, into))?;
    let tokens = fetch_all!(db, "SELECT issuer, token, until FROM denied_tokens");
    tokens.iter().try_for_each(|row| put_token(row, into))
}

pub(crate) async fn load_entity(db: &mut Connection, entity: &Id, into: &DenySet) -> Result<()> {
    let row = fetch_optional!(
        db,
        "SELECT entity, lowest_generation, until FROM denied_entities WHERE entity = ?",
        blob(entity),
    );
    row.iter().try_for_each(|row| put_entity(row, into))
}

pub(crate) async fn load_token(db: &mut Connection, token: &Id, into: &DenySet) -> Result<()> {
    let rows = fetch_all!(
        db,
        "SELECT issuer, token, until FROM denied_tokens WHERE token = ?",
        blob(token),
    );
    rows.iter().try_for_each(|row| put_token(row, into))
}

fn put_entity(row: &SqliteRow, into: &DenySet) -> Result<()> {
    let lowest = row.try_get("lowest_generation")?;
    into.deny_below(id(row, "entity")?, lowest, time(row, "until")?);
    Ok(())
}

fn put_token(row: &SqliteRow, into: &DenySet) -> Result<()> {
    let issuer: &str = row.try_get("issuer")?;
    into.deny_token(issuer.into(), id(row, "token")?, time(row, "until")?);
    Ok(())
}
