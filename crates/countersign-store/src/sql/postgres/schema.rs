//! The schema of the database, and the table that says which version it has.

use sqlx::AssertSqlSafe;

use crate::error::{Result, StoreError, corrupt};
use crate::secrets::DatabaseAge;
use crate::sql::Connection;
use crate::sql::schema::{TABLES, VERSION};

/// The code of an error for a lack of rights (`insufficient_privilege`).
const NO_RIGHTS: &str = "42501";

/// A step from one version of the schema to the next.
pub(super) struct Migration {
    /// The version after it.
    pub(super) version: i64,
    /// The lowest version of this crate's schema that can use the database after it. Nodes are upgraded one by one: a
    /// migration adds first, and a later one removes what no node uses any more.
    pub(super) minimum_version: i64,
    pub(super) script: String,
}

/// Returns all migrations, in their order.
fn migrations() -> [Migration; 1] {
    [Migration {
        version: VERSION,
        minimum_version: 1,
        script: [&translate(TABLES), include_str!("additions.sql")].concat(),
    }]
}

/// Translates the tables for SQLite: only the names of types differ, and a table needs no `STRICT`.
fn translate(tables: &str) -> String {
    tables
        .replace("INTEGER", "BIGINT")
        .replace("BLOB", "BYTEA")
        .replace(") STRICT, WITHOUT ROWID;", ");")
        .replace(") STRICT;", ");")
}

/// Finds out whether the database has been used already.
pub(crate) async fn inspect(db: &mut Connection) -> Result<DatabaseAge> {
    let encoding: String = fetch_scalar!(db, "SELECT current_setting('server_encoding')");
    if encoding != "UTF8" {
        return Err(StoreError::UnsupportedEncoding(encoding));
    }
    if recorded_version(db).await? == 0 {
        let is_taken: bool = fetch_scalar!(
            db,
            "SELECT to_regclass('credentials') IS NOT NULL OR to_regclass('accounts') IS NOT NULL
                 OR to_regclass('sessions') IS NOT NULL OR to_regclass('audit') IS NOT NULL",
        );
        return match is_taken {
            true => Err(StoreError::UnrelatedDatabase),
            false => Ok(DatabaseAge::New),
        };
    }
    let minimum: i64 = fetch_scalar!(db, "SELECT minimum_version FROM countersign_schema");
    if minimum > VERSION {
        return Err(StoreError::NewerSchema(minimum));
    }
    let is_used: bool = fetch_scalar!(db, "SELECT EXISTS (SELECT 1 FROM state)");
    Ok(match is_used {
        true => DatabaseAge::Existing,
        false => DatabaseAge::New,
    })
}

/// Creates the tables that do not exist yet.
pub(crate) async fn create(db: &mut Connection) -> Result<()> {
    apply(db, migrations()).await
}

/// Applies the migrations that the database has not had yet. Call it in a transaction that writes.
pub(super) async fn apply(
    db: &mut Connection,
    migrations: impl IntoIterator<Item = Migration>,
) -> Result<()> {
    let recorded = recorded_version(db).await?;
    for migration in migrations {
        if migration.version <= recorded {
            continue;
        }
        // The script contains nothing from outside.
        let applied = db.run_script(AssertSqlSafe(migration.script)).await;
        applied.map_err(|error| match is_lack_of_rights(&error) {
            true => StoreError::NotMigrated,
            false => error,
        })?;
        execute!(
            db,
            "UPDATE countersign_schema SET version = $1, minimum_version = $2",
            migration.version,
            migration.minimum_version,
        );
    }
    Ok(())
}

/// Returns the version of the schema, or 0 if there are no tables.
async fn recorded_version(db: &mut Connection) -> Result<i64> {
    let exists: bool = fetch_scalar!(db, "SELECT to_regclass('countersign_schema') IS NOT NULL");
    if !exists {
        return Ok(0);
    }
    let query = "SELECT version FROM countersign_schema";
    match fetch_optional!(db, |row| Ok(row.try_get("version")?), query) {
        Some(version) => Ok(version),
        None => corrupt("the version of its tables"),
    }
}

fn is_lack_of_rights(error: &StoreError) -> bool {
    let StoreError::Database(source) = error else {
        return false;
    };
    let error: Option<&sqlx::Error> = source.downcast_ref();
    let code = error.and_then(|error| error.as_database_error()?.code());
    code.is_some_and(|code| code == NO_RIGHTS)
}
