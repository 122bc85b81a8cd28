//! What is denied, for as long as there can be a token that it denies.

use std::time::Duration;

use countersign::Id;
use countersign::directory::{DenySet, SESSION_GENERATION};
use countersign::registry::backend::CallerToken;
use countersign::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::StoreError;
use crate::record::{moment, read_id};

/// What clocks may differ by, and what a clock that was set forward by mistake may be behind again.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

/// When the last access token that lives at `now` has expired, whatever issuer minted it.
pub(crate) async fn until(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let seconds: i64 = sqlx::query_scalar("SELECT largest_lifetime FROM state")
        .fetch_one(connection)
        .await?;
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Ok(now.plus(Duration::from_secs(seconds)))
}

/// For how long the last of what a key has signed lives on, in milliseconds.
pub(crate) async fn longest_signed(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let seconds: i64 = sqlx::query_scalar("SELECT longest_signed FROM state")
        .fetch_one(connection)
        .await?;
    Ok(seconds.saturating_mul(1000))
}

/// Raises the longest lifetime that an access token may have.
pub(crate) async fn allow_lifetime(
    connection: &mut SqliteConnection,
    lifetime: Duration,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE state SET largest_lifetime = max(largest_lifetime, ?1), longest_signed = max(longest_signed, ?1)
                 WHERE largest_lifetime < ?1 OR longest_signed < ?1")
        .bind(whole_seconds(lifetime))
        .execute(connection)
        .await?;
    Ok(())
}

/// Raises the longest lifetime that a managed token may have.
pub(crate) async fn allow_managed_lifetime(
    connection: &mut SqliteConnection,
    lifetime: Duration,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE state SET longest_signed = ?1 WHERE longest_signed < ?1")
        .bind(whole_seconds(lifetime))
        .execute(connection)
        .await?;
    Ok(())
}

fn whole_seconds(lifetime: Duration) -> i64 {
    i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)
}

/// Denies the tokens of an entity whose generation is lower.
pub(crate) async fn deny_below(
    connection: &mut SqliteConnection,
    entity: &Id,
    lowest: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    let until = until(connection, now).await?;
    deny_below_until(connection, entity, lowest, until).await
}

/// The same until a moment that is known.
pub(crate) async fn deny_below_until(
    connection: &mut SqliteConnection,
    entity: &Id,
    lowest: u32,
    until: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO denied_entities (entity, lowest_generation, until) VALUES (?, ?, ?)
         ON CONFLICT (entity) DO UPDATE SET
             lowest_generation = max(lowest_generation, excluded.lowest_generation),
             until = max(until, excluded.until)",
    )
    .bind(entity.as_bytes().as_slice())
    .bind(lowest)
    .bind(until.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Denies one token until it has expired.
pub(crate) async fn deny_token(
    connection: &mut SqliteConnection,
    issuer: &str,
    token: &Id,
    until: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO denied_tokens (issuer, token, until) VALUES (?, ?, ?)
         ON CONFLICT (token, issuer) DO UPDATE SET until = max(until, excluded.until)",
    )
    .bind(issuer)
    .bind(token.as_bytes().as_slice())
    .bind(until.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a token is denied by itself, or with its session.
pub(crate) async fn denies(
    connection: &mut SqliteConnection,
    token: &CallerToken,
) -> Result<bool, StoreError> {
    let query = "SELECT EXISTS (SELECT 1 FROM denied_tokens WHERE token = ? AND issuer = ?)
         OR EXISTS (SELECT 1 FROM denied_entities WHERE entity = ? AND lowest_generation > ?)";
    let denied = sqlx::query_scalar(query)
        .bind(token.id.as_bytes().as_slice())
        .bind(&*token.issuer)
        .bind(token.session.map(|session| session.as_bytes().to_vec()))
        .bind(SESSION_GENERATION)
        .fetch_one(connection)
        .await?;
    Ok(denied)
}

/// The moment before which what is denied can be forgotten.
pub(crate) fn forgettable(now: Timestamp) -> Timestamp {
    let margin = i64::try_from(MARGIN.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_millis(now.unix_millis().saturating_sub(margin))
}

/// Forgets what no token can be denied by any more.
pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = forgettable(now).unix_millis();
    sqlx::query("DELETE FROM denied_entities WHERE until < ?")
        .bind(before)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM denied_tokens WHERE until < ?")
        .bind(before)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn load(
    connection: &mut SqliteConnection,
    into: &DenySet,
) -> Result<(), StoreError> {
    let entities = sqlx::query("SELECT entity, lowest_generation, until FROM denied_entities")
        .fetch_all(&mut *connection)
        .await?;
    entities.iter().try_for_each(|row| put_entity(row, into))?;
    let tokens = sqlx::query("SELECT issuer, token, until FROM denied_tokens")
        .fetch_all(connection)
        .await?;
    tokens.iter().try_for_each(|row| put_token(row, into))
}

pub(crate) async fn load_entity(
    connection: &mut SqliteConnection,
    entity: &Id,
    into: &DenySet,
) -> Result<(), StoreError> {
    let query = "SELECT entity, lowest_generation, until FROM denied_entities WHERE entity = ?";
    let row = sqlx::query(query)
        .bind(entity.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.iter().try_for_each(|row| put_entity(row, into))
}

pub(crate) async fn load_token(
    connection: &mut SqliteConnection,
    token: &Id,
    into: &DenySet,
) -> Result<(), StoreError> {
    let query = "SELECT issuer, token, until FROM denied_tokens WHERE token = ?";
    let rows = sqlx::query(query)
        .bind(token.as_bytes().as_slice())
        .fetch_all(connection)
        .await?;
    rows.iter().try_for_each(|row| put_token(row, into))
}

fn put_entity(row: &SqliteRow, into: &DenySet) -> Result<(), StoreError> {
    let entity = read_id(row.try_get("entity")?)?;
    let until = moment(row.try_get("until")?);
    into.deny_below(entity, row.try_get("lowest_generation")?, until);
    Ok(())
}

fn put_token(row: &SqliteRow, into: &DenySet) -> Result<(), StoreError> {
    let issuer: &str = row.try_get("issuer")?;
    let token = read_id(row.try_get("token")?)?;
    into.deny_token(issuer.into(), token, moment(row.try_get("until")?));
    Ok(())
}
