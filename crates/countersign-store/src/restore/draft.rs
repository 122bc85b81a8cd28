//! The database that is being made, beside the one in place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use countersign::time::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::backup::{empty, is_sound, settle, unusable};
use crate::error::StoreError;
use crate::first_start;
use crate::master_key::{Age, beside, private, sync_folder};
use crate::options::StoreOptions;

/// What SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A copy of the backup. It is gone with this value, unless it took its place before.
pub(super) struct Draft(PathBuf);

impl Draft {
    pub(super) fn copy(file: &Path, path: &Path) -> Result<Self, StoreError> {
        let draft = Self(beside(path, ".restoring"));
        // What a restore that was killed has left does not belong to this one.
        draft.remove();
        copy(file, &draft.0)?;
        // Of a database that was copied with other means while it was not in use.
        let log = beside(file, "-wal");
        if log.exists() {
            copy(&log, &beside(&draft.0, "-wal"))?;
        }
        Ok(draft)
    }

    /// That it is a whole database of ours, before anything is done to it.
    pub(super) async fn check(&self, file: &Path) -> Result<(), StoreError> {
        let not = |what| {
            Err(StoreError::NotABackup {
                path: file.to_owned(),
                what,
            })
        };
        let options = SqliteConnectOptions::new().filename(&self.0);
        let mut connection = options.disable_statement_logging().connect().await?;
        let age = first_start::age(&mut connection).await;
        let sound = is_sound(&mut connection).await;
        connection.close().await?;
        match (age, sound) {
            (Ok(Age::Existing), Ok(true)) => Ok(()),
            (Ok(Age::New), _) => not("it is empty"),
            (Err(StoreError::Foreign), _) => not("it is the database of something else"),
            _ => not("it is damaged"),
        }
    }

    /// How it is opened: as the one in place, and with the same master key.
    pub(super) fn options(&self, options: &StoreOptions) -> Result<StoreOptions, StoreError> {
        let path = self.0.to_str().ok_or(StoreError::UnsupportedUrl)?;
        let mut options = options.clone();
        options.url = format!("sqlite://{path}");
        Ok(options)
    }

    /// Puts it in place, and keeps what was there; where.
    pub(super) fn settle(self, path: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
        let log = beside(&self.0, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(StoreError::Corrupt {
                what: "the restored database's log was not written back",
            });
        }
        let kept = (0..)
            .map(|later| now.unix_millis().saturating_add(later))
            .map(|millis| beside(path, &format!(".before-restore-{millis}")))
            .find(|kept| !kept.exists());
        let Some(kept) = kept else {
            return Err(StoreError::UnsupportedUrl);
        };
        let was_there = path.exists();
        let put = || {
            if was_there && fs::hard_link(path, &kept).is_err() {
                // Two names for one file are not to be had everywhere.
                copy_all(path, &kept)?;
            }
            // A log that is left there would be taken for the new database's, and written into it.
            for end in BESIDE {
                match fs::rename(beside(path, end), beside(&kept, end)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            sync_folder(path)?;
            settle(&self.0, path)
        };
        put().map_err(|source| unusable(path, source))?;
        Ok(was_there.then_some(kept))
    }

    fn remove(&self) {
        for left in BESIDE.map(|end| beside(&self.0, end)) {
            let _ = fs::remove_file(left);
        }
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.remove();
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut source = File::open(from).map_err(|error| unusable(from, error))?;
    let mut draft = empty(to).map_err(|error| unusable(to, error))?;
    io::copy(&mut source, &mut draft).map_err(|error| unusable(to, error))?;
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = private().open(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}
