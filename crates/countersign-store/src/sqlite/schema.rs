//! The schema of the database, and the marks in the file that identify it: `application_id` and `user_version`, which
//! SQLite reserves for this purpose.

use sqlx::Connection as _;

use super::Connection;
use crate::error::{Result, StoreError};
use crate::secrets::DatabaseAge;

/// The version of the schema that this version of the crate reads and writes.
const VERSION: i64 = 1;
/// `cnts` in ASCII.
const APPLICATION_ID: i64 = 0x636e_7473;

/// Finds out whether the file has a database already. A file without tables is new: it contains nothing that a master
/// key could decrypt.
///
/// # Errors
///
/// [`StoreError::UnrelatedDatabase`], [`StoreError::UnreleasedSchema`], [`StoreError::NewerSchema`], or that the file
/// cannot be read.
pub(crate) async fn inspect(db: &mut Connection) -> Result<DatabaseAge> {
    let (application, version, tables, unreleased): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema),
             (SELECT count(*) FROM sqlite_schema WHERE name IN ('initial_set', '_sqlx_migrations'))
         FROM pragma_application_id, pragma_user_version",
    )
    .fetch_one(db)
    .await?;
    match application {
        _ if tables == 0 => Ok(DatabaseAge::New),
        APPLICATION_ID if version == VERSION => Ok(DatabaseAge::Existing),
        APPLICATION_ID => Err(StoreError::NewerSchema(version)),
        _ if unreleased == 2 => Err(StoreError::UnreleasedSchema),
        _ => Err(StoreError::UnrelatedDatabase),
    }
}

/// Creates all tables.
pub(crate) async fn create(db: &mut Connection) -> Result<()> {
    sqlx::raw_sql(concat!(
        include_str!("schema.sql"),
        "PRAGMA application_id = 0x636e7473; PRAGMA user_version = 1;"
    ))
    .execute(db)
    .await?;
    Ok(())
}

/// Returns whether the database has all that [`create`] creates, and nothing else.
pub(crate) async fn is_expected(db: &mut Connection) -> Result<bool> {
    let mut expected = Connection::connect("sqlite::memory:").await?;
    create(&mut expected).await?;
    Ok(objects(db).await? == objects(&mut expected).await?)
}

/// Returns the tables, indexes, triggers and views. SQLite may have added statistics.
async fn objects(db: &mut Connection) -> Result<Vec<String>> {
    Ok(fetch_scalars!(
        db,
        "SELECT quote(type) || quote(name) || quote(tbl_name) || quote(sql) FROM sqlite_schema
         WHERE name NOT LIKE 'sqlite^_stat_' ESCAPE '^' ORDER BY 1",
    ))
}
