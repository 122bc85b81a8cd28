//! The schema of the database, and the marks in the file that identify it: `application_id` and `user_version`, which
//! SQLite reserves for this purpose.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::error::{Result, StoreError};
use crate::secrets::DatabaseAge;
use crate::sql::schema::{TABLES, VERSION};
use crate::sql::{Connection, Held};

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
    let row = fetch_one!(
        db,
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) AS tables,
             (SELECT count(*) FROM sqlite_schema WHERE name IN ('initial_set', '_sqlx_migrations')) AS unreleased
         FROM pragma_application_id, pragma_user_version",
    );
    let (application, version): (i64, i64) =
        (row.try_get("application_id")?, row.try_get("user_version")?);
    let (tables, unreleased): (i64, i64) = (row.try_get("tables")?, row.try_get("unreleased")?);
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
    let triggers = include_str!("triggers.sql");
    let marks =
        format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};");
    // It contains nothing from outside.
    let script = AssertSqlSafe([TABLES, triggers, &marks].concat());
    db.run_script(script).await
}

/// Opens a new database in memory, with all tables.
pub(crate) async fn memory() -> Result<Connection> {
    let connection = SqliteConnection::connect("sqlite::memory:").await?;
    let mut db = Connection::Sqlite(Held::Own(connection));
    create(&mut db).await?;
    Ok(db)
}

/// Returns whether the database has all that [`create`] creates, and nothing else.
pub(crate) async fn is_expected(db: &mut Connection) -> Result<bool> {
    Ok(objects(db).await? == objects(&mut memory().await?).await?)
}

/// Returns the tables, indexes, triggers and views. SQLite may have added statistics.
async fn objects(db: &mut Connection) -> Result<Vec<String>> {
    Ok(fetch_all!(
        db,
        |row| Ok(row.try_get("object")?),
        "SELECT quote(type) || quote(name) || quote(tbl_name) || quote(sql) AS object FROM sqlite_schema
         WHERE name NOT LIKE 'sqlite^_stat_' ESCAPE '^' ORDER BY 1",
    ))
}
