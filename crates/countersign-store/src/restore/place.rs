//! The database that is in place while another is made for it.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Row as _, SqlitePool, Transaction};

use super::NotReplayed;
use crate::audit::{self, AuditKey, Checkpoint, Verified};
use crate::backup::{Backup, is_sound, unusable};
use crate::database::is_busy;
use crate::error::StoreError;
use crate::first_start;
use crate::master_key::Age;
use crate::master_key_rotation::Keeper;
use crate::options::StoreOptions;
use crate::record::{corrupt, read_id};

/// Long enough for a command that is about to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is in place. Nobody else has it open, and nobody can write to it.
pub(super) enum Place {
    Absent,
    Readable {
        pool: SqlitePool,
        /// Of one writer at a time this is the one.
        held: Transaction<'static, Sqlite>,
    },
    Unreadable {
        _locked: File,
    },
}

impl Place {
    pub(super) async fn take(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        if !path.exists() {
            return Ok(Self::Absent);
        }
        let pool = pool(path);
        match hold(&pool, path, options).await {
            Ok(held) => return Ok(Self::Readable { pool, held }),
            Err(error @ (StoreError::Foreign | StoreError::InUse { .. })) => return Err(error),
            Err(error) => tracing::warn!(%error, "the database in place cannot be read"),
        }
        // Before the file is locked: with any of its files a process gives up all its locks.
        pool.close().await;
        // What SQLite cannot read it does not lock; its locks are these.
        let mut file = OpenOptions::new();
        let file = file.read(true).write(true).open(path);
        let file = file.map_err(|source| unusable(path, source))?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self::Unreadable { _locked: file }),
            Err(Errno::AGAIN | Errno::ACCESS) => Err(in_use(path)),
            Err(error) => Err(unusable(path, error.into())),
        }
    }

    /// How many changes it has that the backup has not, if all that changed since can be taken over from it.
    pub(super) async fn ahead_of(
        &mut self,
        backup: &Backup,
        end: &Checkpoint,
        key: &AuditKey,
    ) -> Result<Result<i64, NotReplayed>, StoreError> {
        let connection = match self {
            Self::Absent => return Ok(Err(NotReplayed::Absent)),
            Self::Unreadable { .. } => return Ok(Err(NotReplayed::Unreadable)),
            Self::Readable { held, .. } => &mut **held,
        };
        let row = sqlx::query("SELECT number, epoch, oldest_change FROM change_head, state")
            .fetch_one(&mut *connection)
            .await?;
        let number: i64 = row.try_get("number")?;
        let oldest: i64 = row.try_get("oldest_change")?;
        if read_id(row.try_get("epoch")?)? != backup.epoch {
            return Ok(Err(NotReplayed::OtherHistory));
        }
        if number < backup.change {
            return Ok(Err(NotReplayed::Older));
        }
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM changes WHERE number > ?")
            .bind(backup.change)
            .fetch_one(&mut *connection)
            .await?;
        let ahead = number - backup.change;
        if oldest > backup.change + 1 || kept != ahead {
            return Ok(Err(NotReplayed::Forgotten));
        }
        // Two histories may have the same numbers: only one goes on from the backup's end.
        match audit::verify(connection, key, Some(end)).await? {
            Verified::Intact { .. } => Ok(Ok(ahead)),
            Verified::Broken { .. } => Ok(Err(NotReplayed::Tampered)),
        }
    }

    /// Lets others have it.
    pub(super) async fn release(self) -> Result<(), StoreError> {
        if let Self::Readable { pool, held } = self {
            held.rollback().await?;
            pool.close().await;
        }
        Ok(())
    }
}

fn pool(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new().max_connections(1);
    pool.idle_timeout(None).connect_lazy_with(options)
}

/// Takes hold of a database of ours that is intact and of this version, and that nobody else has open: until this
/// ends nobody can write to it, or go on with a log beside it.
async fn hold(
    pool: &SqlitePool,
    path: &Path,
    options: &StoreOptions,
) -> Result<Transaction<'static, Sqlite>, StoreError> {
    let busy = |error: sqlx::Error| {
        if is_busy(&error) {
            in_use(path)
        } else {
            error.into()
        }
    };
    let mut connection = pool.acquire().await?;
    if first_start::age(&mut connection).await? == Age::New {
        return corrupt("it is empty");
    }
    let mode = give_up_log(&mut connection).await.map_err(busy)?;
    if mode != "delete" {
        return Err(in_use(path));
    }
    if !is_sound(&mut connection).await? {
        return corrupt("it is not sound");
    }
    drop(connection);

    // As any start of this version would.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(busy)?;
    let keeper = Keeper {
        source: &options.master_key,
        database: path,
        random: &*options.random,
    };
    let sealer = first_start::bring_up(&mut transaction, &keeper, Age::Existing).await?;
    audit::open(&mut transaction, &sealer).await?;
    transaction.commit().await.map_err(busy)?;

    let mut held = pool.begin_with("BEGIN IMMEDIATE").await.map_err(busy)?;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *held)
        .await?;
    // Else somebody was faster.
    if mode == "delete" {
        Ok(held)
    } else {
        Err(in_use(path))
    }
}

/// SQLite gives up the log, after what is in it was written to the file, for the last one that uses it alone; which
/// way of writing is left.
async fn give_up_log(connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        let mode = sqlx::query_scalar("PRAGMA journal_mode = DELETE")
            .fetch_one(&mut *connection)
            .await;
        match mode {
            // It does not wait for this one lock, and a command may be about to end.
            Err(error) if is_busy(&error) && waited < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
            }
            ended => return ended,
        }
    }
}

fn in_use(path: &Path) -> StoreError {
    StoreError::InUse {
        path: path.to_owned(),
    }
}
