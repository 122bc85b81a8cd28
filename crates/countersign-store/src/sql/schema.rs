//! The tables, which are the same in both databases but for the names of their types.

use super::Connection;
use crate::error::Result;
use crate::secrets::DatabaseAge;
#[cfg(feature = "postgres")]
use crate::sql::postgres;
use crate::sql::sqlite;

/// The version of the schema that this version of the crate reads and writes.
pub(crate) const VERSION: i64 = 1;
/// The tables, for SQLite.
pub(crate) const TABLES: &str = include_str!("schema.sql");

/// Finds out whether the database has been used already. A new one contains nothing that a master key could decrypt.
///
/// # Errors
///
/// [`StoreError::UnrelatedDatabase`](crate::StoreError::UnrelatedDatabase),
/// [`StoreError::UnreleasedSchema`](crate::StoreError::UnreleasedSchema),
/// [`StoreError::NewerSchema`](crate::StoreError::NewerSchema), or that the database cannot be read.
pub(crate) async fn inspect(db: &mut Connection) -> Result<DatabaseAge> {
    match db {
        Connection::Sqlite(_) => sqlite::schema::inspect(db).await,
        #[cfg(feature = "postgres")]
        Connection::Postgres(_) => postgres::schema::inspect(db).await,
    }
}

/// Creates all tables.
pub(crate) async fn create(db: &mut Connection) -> Result<()> {
    match db {
        Connection::Sqlite(_) => sqlite::schema::create(db).await,
        #[cfg(feature = "postgres")]
        Connection::Postgres(_) => postgres::schema::create(db).await,
    }
}
