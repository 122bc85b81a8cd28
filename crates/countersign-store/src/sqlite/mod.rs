//! SQLite. Every SQL statement of the crate is in this folder. Its functions read and write, and take the connection
//! or transaction to use; the rules are in the other modules.

/// Defines macros `name!(connection, statement, values…)`, which bind the values to the parameters of the statement, run
/// it, and return an error from the calling function. The `$` is a parameter, because a macro cannot contain the `$` of
/// another one.
macro_rules! define {
    ($d:tt $($name:ident: $query:ident, $run:ident $(, $result:ident)?;)+) => {
        $(macro_rules! $name {
            ($d connection:expr, $d sql:expr $d(, $d value:expr)* $d(,)?) => {
                sqlx::$query($d sql)$d(.bind($d value))*
                    .$run(&mut *$d connection)
                    .await?
                    $(.$result())?
            };
        })+
    };
}

define! { $
    execute: query, execute, rows_affected;
    fetch_all: query, fetch_all;
    fetch_one: query, fetch_one;
    fetch_optional: query, fetch_optional;
    fetch_scalar: query_scalar, fetch_one;
    fetch_scalars: query_scalar, fetch_all;
    fetch_optional_scalar: query_scalar, fetch_optional;
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
