//! The database that a restore replaces.

use std::fs::{File, OpenOptions};
use std::path::Path;

use countersign::Id;
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

use super::NotReplayed;
use crate::audit::{AuditKey, Checkpoint, Verified};
use crate::error::{StoreError, corrupt};
use crate::records::Backup;
use crate::secrets::DatabaseAge;
use crate::sql;
use crate::sql::sqlite::{self, Exclusive};
use crate::state::{StoreOptions, upgrade};

/// The live database. No other process has it open or can write to it.
pub(super) enum LiveDatabase {
    Absent,
    Readable(Exclusive),
    Unreadable { _lock: File },
}

impl LiveDatabase {
    /// # Errors
    ///
    /// [`StoreError::InUse`], [`StoreError::UnrelatedDatabase`], or that the file cannot be locked.
    pub(super) async fn lock(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        if !path.exists() {
            return Ok(Self::Absent);
        }
        // If this fails, the connection is closed before the file is locked: a process that closes any handle of a file
        // loses all its locks on the file.
        match lock(path, options).await {
            Ok(locked) => return Ok(Self::Readable(locked)),
            Err(error @ (StoreError::UnrelatedDatabase | StoreError::InUse(_))) => {
                return Err(error);
            }
            Err(error) => tracing::warn!(%error, "the live database cannot be read"),
        }
        // SQLite does not lock a file that it cannot read. This is the lock that it would use.
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|source| StoreError::file(path, source))?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self::Unreadable { _lock: file }),
            Err(Errno::AGAIN | Errno::ACCESS) => Err(StoreError::InUse(path.to_owned())),
            Err(error) => Err(StoreError::file(path, error.into())),
        }
    }

    /// Returns the id of its default account, which identifies the database, if it can be read.
    pub(super) async fn default_account(&mut self) -> Result<Option<Id>, StoreError> {
        match self {
            Self::Readable(locked) => {
                let owner = sql::accounts::default_owner(&mut locked.connection).await?;
                Ok(Some(owner.0))
            }
            Self::Absent | Self::Unreadable { .. } => Ok(None),
        }
    }

    /// Returns how many changes it has that the backup does not have, if all of them can be replayed.
    pub(super) async fn changes_since(
        &mut self,
        backup: &Backup,
        end: &Checkpoint,
        key: &AuditKey,
    ) -> Result<Result<i64, NotReplayed>, StoreError> {
        let connection = match self {
            Self::Absent => return Ok(Err(NotReplayed::Absent)),
            Self::Unreadable { .. } => return Ok(Err(NotReplayed::Unreadable)),
            Self::Readable(locked) => &mut locked.connection,
        };
        let head = sql::changes::head(connection).await?;
        if head.epoch != backup.epoch {
            return Ok(Err(NotReplayed::OtherHistory));
        }
        if head.number < backup.change {
            return Ok(Err(NotReplayed::Older));
        }
        let count = head.number - backup.change;
        let logged = sql::changes::count_after(connection, backup.change).await?;
        if head.oldest > backup.change + 1 || logged != count {
            return Ok(Err(NotReplayed::Forgotten));
        }
        // Two histories may have the same numbers, but only one continues from the end of the backup.
        match sql::audit::verify(connection, key, Some(end)).await? {
            Verified::Intact { .. } => Ok(Ok(count)),
            Verified::Broken { .. } => Ok(Err(NotReplayed::Tampered)),
        }
    }

    pub(super) async fn unlock(self) -> Result<(), StoreError> {
        match self {
            Self::Readable(locked) => locked.close().await,
            Self::Absent | Self::Unreadable { .. } => Ok(()),
        }
    }
}

/// Locks an undamaged database of this version that no other process has open.
async fn lock(path: &Path, options: &StoreOptions) -> Result<Exclusive, StoreError> {
    let mut live = Exclusive::open(path).await?;
    let locked = async {
        if sql::schema::inspect(&mut live.connection).await? == DatabaseAge::New {
            return corrupt("it is empty");
        }
        live.lock().await?;
        let connection = &mut live.connection;
        if !sqlite::is_sound(connection).await? {
            return corrupt("it does not pass the integrity check");
        }
        // As opening it would.
        let master_key = options.master_key_source()?;
        let sealer = upgrade(connection, &master_key, DatabaseAge::Existing).await?;
        AuditKey::open(&sql::audit::sealed_key(connection).await?, &sealer)
    };
    match locked.await {
        Ok(_) => Ok(live),
        Err(error) => {
            live.close().await?;
            Err(error)
        }
    }
}
