//! The statements, each of which is the same for SQLite and PostgreSQL. Their functions read and write, and take the
//! connection to use. What only one of the two has is in `sqlite` and `postgres`; the rules are in the other modules.
//!
//! A column is an integer, text or bytes, and may be NULL. Parameters are called `$1`, `$2` and so on. A column that is
//! changed by `ON CONFLICT` is written with the name of its table, and NULL is compared by `IS NOT DISTINCT FROM`.

/// Runs a statement, and returns how many rows it wrote. Like the macros below, it returns an error from the calling
/// function.
macro_rules! execute {
    ($db:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $db.execute($sql, &[$($crate::sql::IntoValue::into_value($value)),*]).await?
    };
}

/// Returns the row that a query always has.
macro_rules! fetch_one {
    ($db:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $db.fetch_one($sql, &[$($crate::sql::IntoValue::into_value($value)),*]).await?
    };
}

/// Returns the row of a query, if it has one, as a function reads it.
macro_rules! fetch_optional {
    ($db:expr, $read:expr, $sql:expr $(, $value:expr)* $(,)?) => {{
        let values = [$($crate::sql::IntoValue::into_value($value)),*];
        let row = $db.fetch_optional($sql, &values).await?;
        let read: Result<Option<_>> = row.as_ref().map($read).transpose();
        read?
    }};
}

/// Returns the rows of a query, as a function reads them.
macro_rules! fetch_all {
    ($db:expr, $read:expr, $sql:expr $(, $value:expr)* $(,)?) => {{
        let values = [$($crate::sql::IntoValue::into_value($value)),*];
        let rows = $db.fetch_all($sql, &values).await?;
        let read: Result<Vec<_>> = rows.iter().map($read).collect();
        read?
    }};
}

/// Returns the value that a query always has.
macro_rules! fetch_scalar {
    ($db:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $db.fetch_scalar($sql, &[$($crate::sql::IntoValue::into_value($value)),*]).await?
    };
}

/// Returns the expression for the greater one of two values.
macro_rules! greatest {
    ($one:literal, $other:literal) => {
        concat!(
            "CASE WHEN ",
            $one,
            " > ",
            $other,
            " THEN ",
            $one,
            " ELSE ",
            $other,
            " END"
        )
    };
}

/// Returns how many changes are read at once.
macro_rules! most_changes {
    () => {
        500
    };
}

/// Returns the condition for the entities of some kinds among the first changes after the number `$1`.
macro_rules! changed {
    ($kinds:literal) => {
        concat!(
            "IN (SELECT entity FROM changes WHERE number > $1 AND number <= $1 + ",
            most_changes!(),
            " AND kind IN (",
            $kinds,
            "))"
        )
    };
}

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod changes;
mod connection;
pub(crate) mod contents;
pub(crate) mod copy;
pub(crate) mod credentials;
mod database;
pub(crate) mod delta;
pub(crate) mod denials;
mod diagnosis;
pub(crate) mod expired;
mod held;
pub(crate) mod idempotency;
pub(crate) mod issuers;
mod joined;
pub(crate) mod nodes;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod row;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
pub(crate) mod sqlite;
pub(crate) mod unreplayed;
mod value;
mod watcher;

pub(crate) use connection::{Access, Connection, Statement};
pub(crate) use database::{Database, Location, Purpose};
pub use diagnosis::Diagnosis;
pub(crate) use diagnosis::diagnose;
pub(crate) use held::Held;
pub(crate) use row::Row;
pub(crate) use value::{IntoValue, Value};
pub(crate) use watcher::{News, Watcher};

use crate::error::StoreError;

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match source {
            sqlx::Error::PoolClosed => Self::Closed,
            source => Self::Database(source.into()),
        }
    }
}
