//! Replacing the live database by a backup.
//!
//! # Rules
//!
//! 1. A backup never makes a credential valid that was revoked or suspended after the backup. Later changes are replayed
//!    from the live database. If that is impossible, all credentials are suspended until an operator activates them.
//! 2. If later changes are lost, tokens that were signed in that time are rejected, because it is unknown which of them
//!    were denied.
//! 3. A restored database has a new history: all processes that follow it read all records again.
//! 4. Nothing of the live database is deleted, and at every moment there is either the one database or the other.

mod live_database;
mod staging;

use std::path::{Path, PathBuf};

use countersign::registry::Caller;
use countersign::time::Timestamp;
use countersign::{BoxFuture, Id};

use crate::audit::{AuditRecord, Checkpoint, Verified};
use crate::error::StoreError;
use crate::issuers::create_key;
use crate::records::Backup;
use crate::sql::sqlite;
use crate::sql::{self, Purpose};
use crate::state::StoreOptions;
use crate::store::{Inner, Store};
use crate::transaction::Transaction;

use live_database::LiveDatabase;
use staging::Staging;

/// The result of a restore.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Restored {
    /// The backup.
    pub backup: Backup,
    /// How many later changes were replayed, so that nothing is lost; or why none was, so that all of them are lost.
    pub replayed: Result<i64, NotReplayed>,
    /// How many active credentials were suspended.
    pub suspended: u64,
    /// The path to which the live database was moved.
    pub previous: Option<PathBuf>,
}

/// Why the changes after a backup could not be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReplayed {
    /// There was no live database.
    #[error("there was no live database")]
    Absent,
    /// The live database is damaged, has a newer schema, or is encrypted with another master key.
    #[error(
        "the live database is damaged, of a newer version, or encrypted with another master key"
    )]
    Unreadable,
    /// The live database has another history: a backup was restored in the meantime.
    #[error(
        "a backup was restored since this one was taken, so that the live database has another history"
    )]
    OtherHistory,
    /// The live database is older than the backup.
    #[error("the live database is older than the backup")]
    Older,
    /// The change log of the live database does not reach back to the backup.
    #[error("the live database has deleted the log of the first changes after the backup")]
    Forgotten,
    /// The audit log of the live database is not intact, or does not continue that of the backup.
    #[error(
        "the audit log of the live database is not intact, or does not continue that of the backup"
    )]
    Tampered,
}

impl Store {
    /// Replaces the database that `options` name by the backup in `file`. No process may have the database open.
    ///
    /// If the live database is intact and continues the backup, all later changes are replayed. Otherwise they are lost. Then
    /// every active credential is suspended and its tokens are denied, so that no key becomes valid that was revoked in that
    /// time: activate them one by one, or restore the same backup again with `accept_loss_since`, a moment that is not after
    /// the backup, to restore the credentials as they were. In both cases all signing keys are revoked and replaced:
    /// existing managed tokens are rejected, and must be created again.
    ///
    /// The live database is moved to `<file>.before-restore-<milliseconds>`.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`], [`StoreError::InvalidBackup`], [`StoreError::LossBeginsEarlier`], [`StoreError::Unseal`] if the
    /// backup was taken under another master key, [`StoreError::NewerSchema`], [`StoreError::UnreleasedSchema`],
    /// [`StoreError::UnrelatedDatabase`], or that a file cannot be read or written. The live database is unchanged then.
    pub fn restore<'a>(
        options: &'a StoreOptions,
        caller: &'a Caller,
        file: &'a Path,
        accept_loss_since: Option<Timestamp>,
    ) -> BoxFuture<'a, Result<Restored, StoreError>> {
        Box::pin(async move {
            let path = options.database()?;
            let mut live = LiveDatabase::lock(&path, options).await?;
            let staging = Staging::copy(file, &path)?;
            staging.check(file, &options.master_key_source()?).await?;
            let store = Self::open(staging.options(options)?).await?;
            let (backup, end) = store.0.examine(file).await?;
            if accept_loss_since.is_some_and(|since| since > backup.taken_at) {
                return Err(StoreError::LossBeginsEarlier(backup.taken_at));
            }
            if let Some(account) = live.default_account().await?
                && account != store.0.state.account
            {
                store.close().await?;
                return Err(StoreError::InvalidBackup {
                    path: file.to_owned(),
                    reason: "it is a backup of another database",
                });
            }
            let key = &store.0.state.audit_key;
            let replayed = live.changes_since(&backup, &end, key).await?;
            let suspended = match replayed {
                Ok(_) => store.0.replay(caller, &backup, &path).await?,
                Err(reason) => {
                    let accepted = accept_loss_since;
                    store
                        .0
                        .restore_alone(caller, &backup, accepted, reason)
                        .await?
                }
            };
            store.close().await?;
            let previous = staging.install(&path, options.clock.now())?;
            live.unlock().await?;
            Ok(Restored {
                backup,
                replayed,
                suspended,
                previous,
            })
        })
    }
}

impl Store {
    /// Begins a new history in a database that was restored from a backup by other means, such as those of PostgreSQL. Call it
    /// once, before servers use the database.
    ///
    /// The changes after the backup are lost. Therefore every active credential is suspended and its tokens are denied, unless
    /// the loss is accepted, and all signing keys are revoked and replaced, as [`restore`](Self::restore) does when there is no
    /// live database.
    ///
    /// # Errors
    ///
    /// [`StoreError::LossBeginsEarlier`], or that the database cannot be read or written.
    pub fn begin_history<'a>(
        &'a self,
        caller: &'a Caller,
        accept_loss_since: Option<Timestamp>,
    ) -> BoxFuture<'a, Result<Restored, StoreError>> {
        Box::pin(async move {
            let mut connection = self.0.database.long_snapshot().await?;
            let backup = sql::contents::describe(&mut connection, Path::new("")).await?;
            drop(connection);
            if accept_loss_since.is_some_and(|since| since > backup.taken_at) {
                return Err(StoreError::LossBeginsEarlier(backup.taken_at));
            }
            let (accepted, reason) = (accept_loss_since, NotReplayed::Absent);
            let suspended = self.0.restore_alone(caller, &backup, accepted, reason);
            let suspended = suspended.await?;
            // The new history is in the view when this returns.
            self.0.poll().await?;
            Ok(Restored {
                suspended,
                backup,
                replayed: Err(reason),
                previous: None,
            })
        })
    }
}

impl Inner {
    /// Returns the contents of the backup, and the end of its audit log, which must be intact.
    async fn examine(&self, file: &Path) -> Result<(Backup, Checkpoint), StoreError> {
        let mut connection = self.database.reader().await?;
        let verified = sql::audit::verify(&mut connection, &self.state.audit_key, None).await?;
        let Verified::Intact { checkpoint, .. } = verified else {
            return Err(StoreError::InvalidBackup {
                path: file.to_owned(),
                reason: "its audit log is not intact",
            });
        };
        let backup = sql::contents::describe(&mut connection, file).await?;
        Ok((backup, checkpoint))
    }

    /// Replays the changes after the backup.
    async fn replay(
        &self,
        caller: &Caller,
        backup: &Backup,
        live: &Path,
    ) -> Result<u64, StoreError> {
        let mut writer = self.database.file(Purpose::Write).await?;
        sqlite::replay::attach(&mut writer, live).await?;
        drop(writer);
        let mut transaction = self.begin().await?;
        let connection = transaction.connection();
        let changes = sqlite::replay::copy_changes(connection, backup.change).await?;
        begin_epoch(&mut transaction).await?;
        let entry = AuditRecord::by(caller, "restore").with("change", backup.change);
        transaction
            .append_audit(entry.with("replayed", changes))
            .await?;
        transaction.commit().await?;
        Ok(0)
    }

    /// Restores the backup without later changes. Returns how many credentials were suspended.
    async fn restore_alone(
        &self,
        caller: &Caller,
        backup: &Backup,
        accepted: Option<Timestamp>,
        reason: NotReplayed,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let now = transaction.now;
        begin_epoch(&mut transaction).await?;
        let suspended = match accepted {
            None => sql::unreplayed::suspend_all(transaction.connection(), now).await?,
            Some(_) => 0,
        };
        let connection = transaction.connection();
        let issuers = sql::unreplayed::revoke_signing_keys(connection, now).await?;
        sql::unreplayed::delete_tokens(connection).await?;
        for (issuer, algorithm) in issuers {
            create_key(&mut transaction, &issuer, algorithm, now).await?;
        }
        let entry = AuditRecord::by(caller, "restore")
            .with("change", backup.change)
            .with("lost_since", backup.taken_at.unix_millis())
            .with("accepted_since", accepted.map(Timestamp::unix_millis))
            .with("not_replayed", reason.to_string())
            .with("suspended", suspended);
        transaction.append_audit(entry).await?;
        transaction.commit().await?;
        Ok(suspended)
    }
}

async fn begin_epoch(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    let mut epoch = [0; 20];
    transaction.state().random.fill(&mut epoch)?;
    // No process has the database open: the rows are those of the time of the backup.
    sql::nodes::delete_all(transaction.connection()).await?;
    sql::changes::begin_epoch(transaction.connection(), &Id::from_bytes(epoch)).await
}
