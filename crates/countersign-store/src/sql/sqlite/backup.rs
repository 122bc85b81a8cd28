//! Copies of the database, and what is in them.

use std::path::Path;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::{is_sound, schema};
use crate::error::{Result, StoreError, corrupt};
use crate::records::Backup;
use crate::secrets::DatabaseAge;
use crate::sql::{Connection, Held, contents};

/// Copies the database, as it is at one moment, into an empty file, and checks the copy. The description names the
/// path `file`, at which the copy will be.
pub(crate) async fn copy(db: &mut Connection, to: &Path, file: &Path) -> Result<Backup> {
    let name = to.to_str().ok_or(StoreError::UnsupportedUrl)?;
    execute!(db, "VACUUM INTO $1", name);
    let options = SqliteConnectOptions::new().filename(to).read_only(true);
    let mut copy = Connection::Sqlite(Held::Own(options.connect().await?));
    let sound = is_sound(&mut copy).await?;
    let backup = contents::describe(&mut copy, file).await?;
    copy.close().await?;
    match sound {
        true => Ok(backup),
        false => corrupt("its copy does not pass the integrity check"),
    }
}

/// Inspects the schema of an undamaged file, and whether it has nothing but what the schema has.
pub(crate) async fn inspect(path: &Path) -> Result<(Result<DatabaseAge, StoreError>, bool)> {
    let options = SqliteConnectOptions::new().filename(path);
    let db = options.disable_statement_logging().connect().await?;
    let mut db = Connection::Sqlite(Held::Own(db));
    let age = match is_sound(&mut db).await {
        Ok(true) => schema::inspect(&mut db).await,
        _ => corrupt("it does not pass the integrity check"),
    };
    let is_expected = schema::is_expected(&mut db).await.unwrap_or(false);
    db.close().await?;
    Ok((age, is_expected))
}
