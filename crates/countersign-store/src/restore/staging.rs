//! The restored database before it replaces the live one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use countersign::time::Timestamp;

use crate::error::{StoreError, corrupt};
use crate::files::{private, publish, recreate, sync_folder, with_suffix};
use crate::secrets::{BackupCode, DatabaseAge, MasterKeySource};
use crate::sql::sqlite;
use crate::state::{StoreOptions, ViewContents};

/// The suffixes of the files that SQLite creates beside a database.
const SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A copy of the backup, in the folder of the live database. It is deleted when it is dropped before it was installed.
pub(super) struct Staging(PathBuf);

impl Staging {
    pub(super) fn copy(file: &Path, path: &Path) -> Result<Self, StoreError> {
        let staging = Self(with_suffix(path, ".restoring"));
        // An interrupted restore may have left its files.
        staging.remove();
        copy(file, &staging.0)?;
        Ok(staging)
    }

    /// Checks that it is as [`Store::backup`](crate::Store::backup) wrote it with the master key, and an undamaged database
    /// of this version, before it is opened.
    pub(super) async fn check(
        &self,
        file: &Path,
        master_key: &MasterKeySource,
    ) -> Result<(), StoreError> {
        let invalid = |reason| {
            Err(StoreError::InvalidBackup {
                path: file.to_owned(),
                reason,
            })
        };
        let error = |source| StoreError::file(&self.0, source);
        let options = File::options().read(true).write(true).open(&self.0);
        let mut copy = options.map_err(error)?;
        let Some(code) = BackupCode::read(&mut copy).map_err(error)? else {
            return invalid("it was cut, or `countersign backup` did not make it");
        };
        let sealer = match master_key.find_rotated(&|sealer| code.is_of(&sealer.backup_key)) {
            Err(StoreError::MasterKeyRotated) => return Err(StoreError::Unseal("the backup")),
            found => found?,
        };
        let is_authentic = code.remove(&sealer.backup_key, &mut copy);
        if !is_authentic.map_err(error)? {
            return invalid("it was changed after it was made");
        }
        drop(copy);
        match sqlite::backup::inspect(&self.0).await? {
            (Ok(DatabaseAge::Existing), true) => Ok(()),
            (Err(error @ StoreError::NewerSchema(_)), _) => Err(error),
            (Ok(_), false) => {
                invalid("it has tables, indexes or triggers that do not belong to it")
            }
            _ => invalid("it is damaged"),
        }
    }

    /// Returns the options that open it, which are those of the live database otherwise.
    pub(super) fn options(&self, options: &StoreOptions) -> Result<StoreOptions, StoreError> {
        let path = self.0.to_str().ok_or(StoreError::UnsupportedUrl)?;
        let mut options = options.clone();
        options.url = format!("sqlite://{path}");
        options.contents = ViewContents::Nothing;
        Ok(options)
    }

    /// Replaces the live database, and returns the path to which the live database was moved.
    pub(super) fn install(
        self,
        path: &Path,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, StoreError> {
        let log = with_suffix(&self.0, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return corrupt("the log of the restored database was not written back");
        }
        let previous = (0..)
            .map(|later| now.unix_millis().saturating_add(later))
            .map(|millis| with_suffix(path, &format!(".before-restore-{millis}")))
            .find(|previous| !previous.exists())
            .ok_or(StoreError::UnsupportedUrl)?;
        let existed = path.exists();
        let install = || {
            if existed && fs::hard_link(path, &previous).is_err() {
                // Not all file systems support hard links.
                copy_durably(path, &previous)?;
            }
            // A log that stays here would be applied to the new database.
            for suffix in SUFFIXES {
                match fs::rename(with_suffix(path, suffix), with_suffix(&previous, suffix)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            sync_folder(path)?;
            publish(&self.0, path)
        };
        install().map_err(|source| StoreError::file(path, source))?;
        Ok(existed.then_some(previous))
    }

    fn remove(&self) {
        for suffix in SUFFIXES {
            let _ = fs::remove_file(with_suffix(&self.0, suffix));
        }
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.remove();
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut source = File::open(from).map_err(|source| StoreError::file(from, source))?;
    recreate(to)
        .and_then(|mut copy| io::copy(&mut source, &mut copy))
        .map(drop)
        .map_err(|source| StoreError::file(to, source))
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = private().open(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}
