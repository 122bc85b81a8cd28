//! A copy of the database, taken while others go on using it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use countersign::Id;
use countersign::registry::Caller;
use countersign::time::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::error::StoreError;
use crate::master_key::{beside, private, sync_folder};
use crate::record::{moment, read_id};
use crate::store::Store;
use crate::writing::{Writing, entry};

/// What is in a backup.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Backup {
    /// Where it is.
    pub file: PathBuf,
    /// The number of the last change that is in it.
    pub change: i64,
    /// The history that the number belongs to.
    pub epoch: Id,
    /// How many credentials are in it.
    pub records: i64,
    /// The moment that is known to be in it: what came later may not be.
    pub taken_at: Timestamp,
}

impl Store {
    /// Copies the database into `file`, which nobody else can read, as it is at one moment. The copy is looked
    /// through, and is on the disk for good when this returns. Changes through this store wait meanwhile; other
    /// processes go on.
    ///
    /// The master key is not in it, and nothing in it opens without: keep a copy of the key elsewhere.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`], [`StoreError::File`], or that the database cannot be read or written. There is no
    /// file then.
    pub async fn backup(&self, caller: &Caller, file: &Path) -> Result<Backup, StoreError> {
        // Its name is taken first: nothing that comes there meanwhile is written over.
        private().open(file).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Exists {
                path: file.to_owned(),
            },
            _ => unusable(file, source),
        })?;
        // SQLite reads a name that begins with `file:` as something else.
        let part = std::path::absolute(file).map_err(|source| unusable(file, source))?;
        let part = beside(&part, ".part");
        let made = self.write_backup(caller, file, &part).await;
        if made.is_err() {
            for left in [&*part, file] {
                // The reason for this is worth more than what may come of it.
                let _ = fs::remove_file(left);
            }
        }
        made
    }

    async fn write_backup(
        &self,
        caller: &Caller,
        file: &Path,
        part: &Path,
    ) -> Result<Backup, StoreError> {
        let mut connection = self.0.writer().await?;
        // Before the copy, so that it tells of itself, and of the moment.
        let writing = Writing::begin(&mut connection, self.0.now()).await?;
        let told = entry(caller, "backup.create").with("file", file.display().to_string());
        writing.commit(&self.0, Some(told)).await?;

        empty(part).map_err(|source| unusable(part, source))?;
        sqlx::query("VACUUM INTO ?")
            .bind(part.to_str().ok_or(StoreError::UnsupportedUrl)?)
            .execute(&mut *connection)
            .await?;
        let mut copy = SqliteConnectOptions::new()
            .filename(part)
            .read_only(true)
            .connect()
            .await?;
        let sound = is_sound(&mut copy).await?;
        let backup = describe(&mut copy, file).await?;
        copy.close().await?;
        if !sound {
            return Err(StoreError::Corrupt {
                what: "its copy is not sound",
            });
        }
        settle(part, file).map_err(|source| unusable(file, source))?;
        Ok(backup)
    }
}

/// A file that SQLite may fill. A crash may have left one, which could have been planted, open to all.
pub(crate) fn empty(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => private().open(path),
    }
}

/// Gives a file that is complete its name, both for good.
pub(crate) fn settle(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    sync_folder(to)
}

pub(crate) fn unusable(path: &Path, source: io::Error) -> StoreError {
    StoreError::File {
        path: path.to_owned(),
        source,
    }
}

/// Whether SQLite finds nothing wrong with any page, any index and any reference.
pub(crate) async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let said: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut *connection)
        .await?;
    let dangling = sqlx::query("PRAGMA foreign_key_check")
        .fetch_optional(connection)
        .await?;
    Ok(said == "ok" && dangling.is_none())
}

/// What is in a database of ours.
pub(crate) async fn describe(
    connection: &mut SqliteConnection,
    file: &Path,
) -> Result<Backup, StoreError> {
    let row = sqlx::query(
        "SELECT number, epoch, (SELECT count(*) FROM credentials) AS records,
             coalesce((SELECT at FROM audit ORDER BY number DESC LIMIT 1), 0) AS taken_at
         FROM change_head, state",
    )
    .fetch_one(connection)
    .await?;
    Ok(Backup {
        file: file.to_owned(),
        change: row.try_get("number")?,
        epoch: read_id(row.try_get("epoch")?)?,
        records: row.try_get("records")?,
        taken_at: moment(row.try_get("taken_at")?),
    })
}
