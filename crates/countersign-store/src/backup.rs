//! Backups, which are taken while the database is in use.

use std::fs;
use std::io;
use std::path::Path;

use countersign::BoxFuture;
use countersign::registry::Caller;

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::files::{private, publish, recreate, with_suffix};
use crate::records::Backup;
use crate::sql::Purpose;
use crate::sql::sqlite;
use crate::store::Store;

impl Store {
    /// Copies the database, as it is at one moment, into a new file that only its owner can read. The copy is checked, and
    /// durable when this returns. Changes do not wait for it.
    ///
    /// The backup ends with a code that is computed with the master key, so that [`restore`](Self::restore) finds every
    /// change of it. SQLite ignores the code.
    ///
    /// The backup does not contain the master key, without which its secrets cannot be decrypted. Store a copy of the key
    /// in another place.
    ///
    /// # Errors
    ///
    /// [`StoreError::SqliteOnly`], [`StoreError::FileExists`], [`StoreError::File`], [`StoreError::Corrupt`] if the copy is
    /// damaged, or that the database cannot be read or written. There is no backup then.
    pub fn backup<'a>(
        &'a self,
        caller: &'a Caller,
        file: &'a Path,
    ) -> BoxFuture<'a, Result<Backup, StoreError>> {
        Box::pin(async move {
            // Before anything is written: only SQLite has a file to copy.
            drop(self.0.database.file(Purpose::LookUp).await?);
            // Reserves the name, so that no other file of this name is overwritten.
            private().open(file).map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => StoreError::FileExists(file.to_owned()),
                _ => StoreError::file(file, source),
            })?;
            // SQLite treats a relative name that begins with `file:` as a URL.
            let part =
                std::path::absolute(file).map_err(|source| StoreError::file(file, source))?;
            let part = with_suffix(&part, ".part");
            let backup = self.write_backup(caller, file, &part).await;
            if backup.is_err() {
                for left in [&*part, file] {
                    // The first error is the one to report.
                    let _ = fs::remove_file(left);
                }
            }
            backup
        })
    }

    async fn write_backup(
        &self,
        caller: &Caller,
        file: &Path,
        part: &Path,
    ) -> Result<Backup, StoreError> {
        // Before the copy, so that the copy contains the record of itself, and its time.
        let mut transaction = self.0.begin().await?;
        let entry = AuditRecord::by(caller, "backup.create");
        let entry = entry.with("file", file.display().to_string());
        transaction.append_audit(entry).await?;
        transaction.commit().await?;

        recreate(part).map_err(|source| StoreError::file(part, source))?;
        let mut connection = self.0.database.file(Purpose::ReadAll).await?;
        let backup = sqlite::backup::copy(&mut connection, part, file).await?;
        let sealer = self.0.state.sealer(&mut connection).await?;
        sealer
            .backup_key
            .append_code(part)
            .map_err(|source| StoreError::file(part, source))?;
        publish(part, file).map_err(|source| StoreError::file(file, source))?;
        Ok(backup)
    }
}
