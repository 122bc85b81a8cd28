//! SQLite. Every SQL statement of the crate is in this folder. Its functions read and write, and take the connection
//! or transaction to use; the rules are in the other modules.

/// Binds values to the parameters of a statement.
macro_rules! bind {
    ($query:ident, $sql:expr $(, $value:expr)* $(,)?) => {
        sqlx::$query($sql)$(.bind($value))*
    };
}

/// Runs a statement, and returns how many rows it wrote. Like the macros below, it returns an error from the calling
/// function.
macro_rules! execute {
    ($db:expr, $($statement:tt)+) => {
        bind!(query, $($statement)+).execute(&mut *$db).await?.rows_affected()
    };
}

/// Returns the row that a query always has.
macro_rules! fetch_one {
    ($db:expr, $($statement:tt)+) => {
        bind!(query, $($statement)+).fetch_one(&mut *$db).await?
    };
}

/// Returns the row of a query, if it has one, as a function reads it.
macro_rules! fetch_optional {
    ($db:expr, $read:expr, $($statement:tt)+) => {{
        let row = bind!(query, $($statement)+).fetch_optional(&mut *$db).await?;
        let read: Result<Option<_>> = row.as_ref().map($read).transpose();
        read?
    }};
}

/// Returns the rows of a query, as a function reads them.
macro_rules! fetch_all {
    ($db:expr, $read:expr, $($statement:tt)+) => {{
        let rows = bind!(query, $($statement)+).fetch_all(&mut *$db).await?;
        let read: Result<Vec<_>> = rows.iter().map($read).collect();
        read?
    }};
}

/// Returns the value that a query always has.
macro_rules! fetch_scalar {
    ($db:expr, $($statement:tt)+) => {
        bind!(query_scalar, $($statement)+).fetch_one(&mut *$db).await?
    };
}

/// Returns the value of each row of a query.
macro_rules! fetch_scalars {
    ($db:expr, $($statement:tt)+) => {
        bind!(query_scalar, $($statement)+).fetch_all(&mut *$db).await?
    };
}

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod changes;
mod connection;
pub(crate) mod credentials;
pub(crate) mod denials;
mod diagnosis;
mod exclusive;
pub(crate) mod expired;
pub(crate) mod idempotency;
pub(crate) mod issuers;
pub(crate) mod replay;
mod rows;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
pub(crate) mod unreplayed;
mod watcher;

pub(crate) use connection::{Database, check_library, is_sound, use_write_ahead_log};
pub use diagnosis::Diagnosis;
pub(crate) use diagnosis::diagnose;
pub(crate) use exclusive::Exclusive;
pub(crate) use watcher::Watcher;

use sqlx::Sqlite;
pub(crate) use sqlx::sqlite::SqliteConnection as Connection;

use crate::error::StoreError;

/// A transaction. It has no effect if it is dropped before it is committed.
pub(crate) type Transaction<'c> = sqlx::Transaction<'c, Sqlite>;

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match source {
            sqlx::Error::PoolClosed => Self::Closed,
            source => Self::Database(source.into()),
        }
    }
}

/// Returns how SQLite runs a query, one step on each line.
#[cfg(test)]
async fn plan(db: &mut Connection, query: &str) -> String {
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
    let steps: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(explained).fetch_all(db).await.unwrap();
    let steps: Vec<_> = steps.into_iter().map(|(_, _, _, step)| step).collect();
    steps.join("\n")
}
