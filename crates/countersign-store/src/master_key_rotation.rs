//! Another master key in the place of the old one, whenever the process is killed.
//!
//! 1. The new key is written beside the old one, as `<file>.next`, and is on the disk for good.
//! 2. One transaction seals everything anew.
//! 3. `<file>.next` takes the old one's name.
//!
//! Between 2 and 3 the file does not open the database, and `<file>.next` does: whoever opens the database next
//! finishes the rename. After a death before 2, `<file>.next` opens nothing, and the next rotation writes over it.
//! Names change only while the database is locked for writing: no rotation takes away what another depends on.

use std::fs;
use std::path::Path;

use countersign::random::Random;
use countersign::registry::Caller;
use countersign::{Id, Secret};
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::answers::{answer_place, read_bound};
use crate::audit;
use crate::error::StoreError;
use crate::ground::pepper_place;
use crate::master_key::{self, Age, Located, beside, keep, locate, sync_folder};
use crate::options::MasterKey;
use crate::record::read_id;
use crate::seal::{Place, Sealer};
use crate::sessions::{StoredSession, session_place};
use crate::signing_keys::key_place;
use crate::store::Store;
use crate::writing::{Writing, entry};

const NEXT: &str = ".next";

impl Store {
    /// Makes a new master key in the place of the file that holds the present one, and seals everything under it.
    /// Other processes on the database read the file again when they need it.
    ///
    /// # Caveats
    ///
    /// Backups from before do not open under the new key: make one afterwards. What was sealed stays what it was:
    /// if the old key and a copy of the database are in wrong hands, rotate the pepper and the signing keys, too.
    ///
    /// # Errors
    ///
    /// [`StoreError::MasterKeyIsText`] when there is no such file, [`StoreError::File`] when it cannot be replaced,
    /// [`StoreError::Unseal`] when something does not open, or that the database cannot be read or written.
    pub async fn rotate_master_key(&self, caller: &Caller) -> Result<(), StoreError> {
        match self.0.ground.keeper().locate() {
            Located::Text(_) => Err(StoreError::MasterKeyIsText),
            Located::File(_) => {
                let new = master_key::generate(&*self.0.options.random)?;
                self.rotate_master_key_to(caller, &new).await
            }
        }
    }

    /// The same with a master key that the caller has made: 32 random bytes in base64. Where the present one is
    /// text, it is the caller's to give the new one to every process from now on: those that have the old one fail
    /// with [`StoreError::MasterKeyRotated`] as soon as they need it, and their views grow stale.
    ///
    /// # Errors
    ///
    /// As [`rotate_master_key`](Self::rotate_master_key), and [`StoreError::MasterKeyMalformed`].
    pub async fn rotate_master_key_to(
        &self,
        caller: &Caller,
        new: &Secret,
    ) -> Result<(), StoreError> {
        let store = &*self.0;
        let keeper = store.ground.keeper();
        let sealer = master_key::parse(new.expose().as_bytes())?;
        let mut connection = store.writer().await?;
        let mut writing = Writing::begin(&mut connection, store.now()).await?;
        // What a rotation before left half done must be done before its key is written over.
        let old = store.ground.sealer(writing.connection()).await?;
        if let Located::File(path) = keeper.locate() {
            keeper.finish(writing.connection()).await?;
            keep(&beside(&path, NEXT), new)?;
        }
        reseal(writing.connection(), &old, &sealer, keeper.random).await?;
        let told = entry(caller, "master_key.rotate");
        let committed = writing.commit(store, Some(told)).await;

        // Whatever was said of the commit, the database knows what it is sealed under.
        let mut writing = Writing::begin(&mut connection, store.now()).await?;
        keeper.finish(writing.connection()).await?;
        if keeper.opens(writing.connection(), &sealer).await? {
            store.ground.use_sealer(sealer);
        }
        committed
    }
}

/// Who knows where the master key is.
pub(crate) struct Keeper<'a> {
    pub(crate) source: &'a MasterKey,
    pub(crate) database: &'a Path,
    pub(crate) random: &'a dyn Random,
}

impl Keeper<'_> {
    fn locate(&self) -> Located<'_> {
        locate(self.source, self.database)
    }

    /// `present`, or the key beside it if that is the one that opens the database, and takes its place then. Call it
    /// in a transaction that writes.
    pub(crate) async fn settle(
        &self,
        connection: &mut SqliteConnection,
        present: Sealer,
    ) -> Result<Sealer, StoreError> {
        if self.opens(connection, &present).await? {
            return Ok(present);
        }
        // Where neither does, the present one is what people know of, and what the error is to be about.
        Ok(self.finish(connection).await?.unwrap_or(present))
    }

    /// The key that opens the database now, after the one that did so before. The file is left alone: readers have
    /// no lock.
    pub(crate) async fn find_rotated(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Sealer, StoreError> {
        // Between two looks the one may take the other's name.
        for look in [Self::find, Self::find_next, Self::find] {
            if let Some(found) = look(self)?
                && self.opens(connection, &found).await?
            {
                return Ok(found);
            }
        }
        Err(StoreError::MasterKeyRotated)
    }

    /// Gives the next key the present one's name, if the database is sealed under it; that key.
    async fn finish(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<Sealer>, StoreError> {
        let Located::File(path) = self.locate() else {
            return Ok(None);
        };
        let Some(next) = self.find_next()? else {
            return Ok(None);
        };
        if !self.opens(connection, &next).await? {
            return Ok(None);
        }
        let renamed = fs::rename(beside(&path, NEXT), &path).and_then(|()| sync_folder(&path));
        match renamed {
            Ok(()) => Ok(Some(next)),
            Err(source) => Err(StoreError::File { path, source }),
        }
    }

    fn find(&self) -> Result<Option<Sealer>, StoreError> {
        master_key::find(self.source, self.database, Age::Existing, self.random).map(Some)
    }

    fn find_next(&self) -> Result<Option<Sealer>, StoreError> {
        let Located::File(path) = self.locate() else {
            return Ok(None);
        };
        let next = MasterKey::File(beside(&path, NEXT));
        match master_key::find(&next, self.database, Age::Existing, self.random) {
            Ok(next) => Ok(Some(next)),
            Err(StoreError::MasterKeyMissing { .. } | StoreError::MasterKeyMalformed) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn opens(
        &self,
        connection: &mut SqliteConnection,
        sealer: &Sealer,
    ) -> Result<bool, StoreError> {
        match audit::open(connection, sealer).await {
            Ok(_) => Ok(true),
            Err(StoreError::Unseal { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Seals everything under another key.
async fn reseal(
    connection: &mut SqliteConnection,
    old: &Sealer,
    new: &Sealer,
    random: &dyn Random,
) -> Result<(), StoreError> {
    audit::reseal(connection, old, new, random).await?;
    let reseal = |place: Place<'_>, sealed: &[u8], what| {
        let secret = old.open(place, sealed);
        let secret = secret.map_err(|_| StoreError::Unseal { what })?;
        Ok::<_, StoreError>(new.seal(place, &secret, random)?)
    };
    let rows = sqlx::query("SELECT version, sealed FROM peppers")
        .fetch_all(&mut *connection)
        .await?;
    for row in &rows {
        let version: u32 = row.try_get("version")?;
        let place = version.to_be_bytes();
        let sealed = reseal(pepper_place(&place), row.try_get("sealed")?, "the pepper")?;
        sqlx::query("UPDATE peppers SET sealed = ? WHERE version = ?")
            .bind(sealed)
            .bind(version)
            .execute(&mut *connection)
            .await?;
    }
    let rows = sqlx::query("SELECT id, sealed FROM signing_keys WHERE sealed IS NOT NULL")
        .fetch_all(&mut *connection)
        .await?;
    for row in &rows {
        let id: Id = read_id(row.try_get("id")?)?;
        let sealed = reseal(key_place(&id), row.try_get("sealed")?, "the signing key")?;
        sqlx::query("UPDATE signing_keys SET sealed = ? WHERE id = ?")
            .bind(sealed)
            .bind(id.as_bytes().as_slice())
            .execute(&mut *connection)
            .await?;
    }
    // One at a time: of these there may be many.
    let rows: Vec<i64> = sqlx::query_scalar("SELECT rowid FROM sessions")
        .fetch_all(&mut *connection)
        .await?;
    for rowid in rows {
        let row = sqlx::query("SELECT * FROM sessions WHERE rowid = ?")
            .bind(rowid)
            .fetch_one(&mut *connection)
            .await?;
        let bound = StoredSession::read(&row)?.bound();
        let sealed = reseal(
            session_place(&bound),
            row.try_get("sealed")?,
            "a session's token",
        )?;
        sqlx::query("UPDATE sessions SET sealed = ? WHERE rowid = ?")
            .bind(sealed)
            .bind(rowid)
            .execute(&mut *connection)
            .await?;
    }
    let rows: Vec<i64> = sqlx::query_scalar("SELECT rowid FROM answers")
        .fetch_all(&mut *connection)
        .await?;
    for rowid in rows {
        let row = sqlx::query("SELECT * FROM answers WHERE rowid = ?")
            .bind(rowid)
            .fetch_one(&mut *connection)
            .await?;
        let bound = read_bound(&row)?;
        let sealed = reseal(answer_place(&bound), row.try_get("sealed")?, "an answer")?;
        sqlx::query("UPDATE answers SET sealed = ? WHERE rowid = ?")
            .bind(sealed)
            .bind(rowid)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
