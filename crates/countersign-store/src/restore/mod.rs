//! A backup in the place of the database.
//!
//! # Rules
//!
//! 1. A backup never brings back to life what was ended after it: what changed since is taken over from the database
//!    in place, and where that cannot be done, no credential of the backup works until somebody says so.
//! 2. What was signed in time that is lost is refused: nobody knows what was denied in it.
//! 3. A restored database is another history: whoever follows it reads everything anew.
//! 4. Nothing of what was in place is deleted, and at every moment there is one database or the other.

mod draft;
mod loss;
mod place;
mod replay;

use std::fmt;
use std::path::{Path, PathBuf};

use countersign::registry::Caller;
use countersign::time::Timestamp;

use crate::audit::{Checkpoint, Verified};
use crate::backup::{Backup, describe};
use crate::error::StoreError;
use crate::options::StoreOptions;
use crate::store::{Inner, Store};
use crate::writing::{Writing, entry};

use draft::Draft;
use place::Place;

/// What a restore did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Restored {
    /// What was in the backup.
    pub backup: Backup,
    /// How many changes since the backup were taken over: nothing is lost. Else why none was: all of them are lost.
    pub replayed: Result<i64, NotReplayed>,
    /// How many credentials were active, and are suspended now.
    pub suspended: u64,
    /// What was in place.
    pub kept: Option<PathBuf>,
}

/// Why the changes since a backup could not be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReplayed {
    /// There was no database in place.
    Absent,
    /// The database in place is damaged, of a newer version, or sealed under another master key.
    Unreadable,
    /// The database in place is of another history: a backup was restored since.
    OtherHistory,
    /// The database in place has not come as far as the backup.
    Older,
    /// The database in place has forgotten what came right after the backup.
    Forgotten,
    /// The audit log of the database in place is not intact, or does not go on from the backup's.
    Tampered,
}

impl fmt::Display for NotReplayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "there was no database in place",
            Self::Unreadable => {
                "the database in place is damaged, of a newer version, or sealed under another master key"
            }
            Self::OtherHistory => {
                "the database in place is of another history: a backup was restored since this one was made"
            }
            Self::Older => "the database in place is older than the backup",
            Self::Forgotten => {
                "the database in place no longer knows what changed right after the backup"
            }
            Self::Tampered => {
                "the audit log of the database in place is not intact, or does not go on from the backup's"
            }
        })
    }
}

impl Store {
    /// Puts the backup in `file` in the place of the database that `options` name, which nobody may have open.
    ///
    /// Where the database in place is intact and goes on from the backup, everything that changed since is taken
    /// over. Otherwise that is lost, and every credential that was active is suspended, its tokens dead, so that no
    /// key comes back that was revoked since: activate them one by one, or restore the same backup again with
    /// `accept_loss_since` a moment that is not after the backup's. Then they are what they were in it. In both
    /// cases every signing key is revoked, and others are made: managed tokens from before are dead, and new ones
    /// have to be made.
    ///
    /// What was in place is kept beside, as `<file>.before-restore-<milliseconds>`.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`], [`StoreError::NotABackup`], [`StoreError::LostSince`], [`StoreError::Unseal`] when the
    /// backup was made under another master key, [`StoreError::NewerSchema`], [`StoreError::Foreign`], or that a
    /// file cannot be read or written. What was in place is there still.
    pub async fn restore(
        options: &StoreOptions,
        caller: &Caller,
        file: &Path,
        accept_loss_since: Option<Timestamp>,
    ) -> Result<Restored, StoreError> {
        let path = options.database()?;
        let mut place = Place::take(&path, options).await?;
        let draft = Draft::copy(file, &path)?;
        draft.check(file).await?;
        let store = Self::open(draft.options(options)?).await?;
        let (backup, end) = store.0.examine(file).await?;
        if accept_loss_since.is_some_and(|since| since > backup.taken_at) {
            return Err(StoreError::LostSince {
                at: backup.taken_at,
            });
        }
        let ahead = place
            .ahead_of(&backup, &end, &store.0.ground.audit_key)
            .await?;
        let suspended = match ahead {
            Ok(_) => store.0.replay(caller, &backup, &path).await?,
            Err(why) => {
                let since = accept_loss_since;
                store.0.lose(caller, &backup, since, why).await?
            }
        };
        store.close().await?;
        let kept = draft.settle(&path, options.clock.now())?;
        place.release().await?;
        Ok(Restored {
            backup,
            replayed: ahead,
            suspended,
            kept,
        })
    }
}

impl Inner {
    /// What is in the backup, and how far its audit log goes, which must be intact.
    async fn examine(&self, file: &Path) -> Result<(Backup, Checkpoint), StoreError> {
        let mut connection = self.reader().await?;
        let verified = crate::audit::verify(&mut connection, &self.ground.audit_key, None).await?;
        let Verified::Intact { checkpoint, .. } = verified else {
            return Err(StoreError::NotABackup {
                path: file.to_owned(),
                what: "its audit log is not intact",
            });
        };
        Ok((describe(&mut connection, file).await?, checkpoint))
    }

    /// Takes over what changed since the backup.
    async fn replay(
        &self,
        caller: &Caller,
        backup: &Backup,
        from: &Path,
    ) -> Result<u64, StoreError> {
        let mut connection = self.writer().await?;
        replay::attach(&mut connection, from).await?;
        let mut writing = Writing::begin(&mut connection, self.now()).await?;
        let changes = replay::take_over(writing.connection(), backup.change).await?;
        self.begin_history(&mut writing).await?;
        let told = entry(caller, "restore").with("change", backup.change);
        let told = told.with("replayed", changes);
        writing.commit(self, Some(told)).await?;
        Ok(0)
    }

    /// Makes do with the backup alone.
    async fn lose(
        &self,
        caller: &Caller,
        backup: &Backup,
        accepted: Option<Timestamp>,
        why: NotReplayed,
    ) -> Result<u64, StoreError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin(&mut connection, self.now()).await?;
        let now = writing.now;
        self.begin_history(&mut writing).await?;
        let suspended = match accepted {
            None => loss::suspend(writing.connection(), now).await?,
            Some(_) => 0,
        };
        self.replace_signing_keys(&mut writing).await?;
        loss::forget_tokens(writing.connection()).await?;
        let told = entry(caller, "restore")
            .with("change", backup.change)
            .with("lost_since", backup.taken_at.unix_millis())
            .with("accepted_since", accepted.map(Timestamp::unix_millis))
            .with("not_replayed", why.to_string())
            .with("suspended", suspended);
        writing.commit(self, Some(told)).await?;
        Ok(suspended)
    }

    /// Numbers go on, and mean something else from here on.
    async fn begin_history(&self, writing: &mut Writing<'_>) -> Result<(), StoreError> {
        let mut epoch = [0; 20];
        self.options.random.fill(&mut epoch)?;
        sqlx::query(
            "UPDATE state SET epoch = ?, oldest_change = (SELECT number + 1 FROM change_head)",
        )
        .bind(epoch.as_slice())
        .execute(writing.connection())
        .await?;
        sqlx::query("DELETE FROM changes")
            .execute(writing.connection())
            .await?;
        Ok(())
    }
}
