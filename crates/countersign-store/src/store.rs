use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign::key::Peppers;
use sqlx::SqlitePool;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::Sqlite;
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;

use crate::database;
use crate::error::StoreError;
use crate::first_start;
use crate::follow::Follower;
use crate::ground::Ground;
use crate::opened::Opened;
use crate::options::StoreOptions;
use crate::upkeep::OpenedAt;
use crate::view::View;

/// Durable records in SQLite. Cloning it copies a reference count.
///
/// It is a [`Registry`](countersign::registry::Registry), and [`directory`](Self::directory) is its
/// view in memory. See the crate's page for an example.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    writer: SqlitePool,
    reader: SqlitePool,
    opened: Opened,
    pub(crate) follower: Mutex<Follower>,
    pub(crate) ground: Arc<Ground>,
    pub(crate) options: StoreOptions,
    pub(crate) opened_at: OpenedAt,
    pub(crate) view: Arc<View>,
}

impl Store {
    /// How often [`follow`](Self::follow) looks, unless there is a reason for another period.
    pub const POLL_PERIOD: Duration = Duration::from_millis(100);

    /// Opens the database, and makes it if there is none: with its master key, a pepper, the account
    /// and issuer `default` and the environment `production`. All records are in the view when this
    /// returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`], whose text says what to do.
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let path = options.database()?;
        database::create_file(&path)?;
        let opened = Opened::at(&path)?;
        let writer = database::writer(&path);
        let mut connection = writer.acquire().await?;
        database::check_library(&mut connection).await?;
        // Before the log is switched on: nothing is done to a file that is not ours.
        first_start::age(&mut connection).await?;
        database::keep_log(&mut connection).await?;
        let ground = first_start::prepare(&mut connection, &path, &options).await?;
        drop(connection);

        let view = View::new(options.max_staleness, Arc::clone(&options.since_boot));
        let view = Arc::new(view);
        let ground = Arc::new(ground);
        let mut follower = Follower::new(
            database::follower(&path),
            opened.clone(),
            options.holds,
            Arc::clone(&ground),
            Arc::clone(&view),
        );
        // Looks at the file again: it is the one that the writer has opened.
        follower.poll().await?;
        Ok(Self(Arc::new(Inner {
            reader: database::reader(&path),
            writer,
            opened,
            follower: Mutex::new(follower),
            ground,
            opened_at: OpenedAt::now(&options),
            options,
            view,
        })))
    }

    /// The view that mechanisms and verifiers ask.
    #[must_use]
    pub fn directory(&self) -> Arc<View> {
        Arc::clone(&self.0.view)
    }

    /// The peppers that keys are judged with.
    #[must_use]
    pub fn peppers(&self) -> Peppers {
        self.0.ground.peppers.clone()
    }

    /// Compares the view with the database once, and applies what others have changed.
    ///
    /// # Errors
    ///
    /// That the database cannot be read. The view keeps what it had, and is no fresher for it.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        self.0.follower.lock().await.poll().await
    }

    /// Catches up every `period`, and does the [`upkeep`](Self::upkeep), until the store is closed. Spawn it on
    /// tokio, with its timer enabled: without it the view grows stale. Failures are logged once, and tried again.
    pub fn follow(&self, period: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        let store = self.clone();
        async move {
            // An interval of nothing panics.
            let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut upkeep = tokio::time::interval(Self::UPKEEP_PERIOD);
            upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut failing = false;
            loop {
                let done = tokio::select! {
                    _ = upkeep.tick() => store.upkeep().await,
                    _ = ticks.tick() => store.catch_up().await,
                };
                match done {
                    Ok(()) if failing => {
                        tracing::info!("the database can be read again");
                        failing = false;
                    }
                    Ok(()) => {}
                    Err(StoreError::Closed) => return,
                    Err(error) if !failing => {
                        tracing::warn!(%error, "changes cannot be read; trying again");
                        failing = true;
                    }
                    Err(_) => {}
                }
            }
        }
    }

    /// Whether there is any credential, of whatever status.
    ///
    /// # Errors
    ///
    /// That the database cannot be read.
    pub async fn has_credentials(&self) -> Result<bool, StoreError> {
        let query = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM credentials)");
        Ok(query.fetch_one(&mut *self.0.reader().await?).await?)
    }

    /// Whether the database answers, for readiness.
    ///
    /// # Errors
    ///
    /// That it does not.
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT number FROM change_head")
            .fetch_one(&mut *self.0.reader().await?)
            .await?;
        Ok(())
    }

    /// Closes the database when what is under way is done. Every clone is closed with it.
    ///
    /// # Errors
    ///
    /// That a connection did not close cleanly. Nothing that was acknowledged is lost by it.
    pub async fn close(&self) -> Result<(), StoreError> {
        // What was used is worth a try, and no more.
        let _ = self.0.write_down_used().await;
        let followed = self.0.follower.lock().await.close().await;
        self.0.reader.close().await;
        // Last: whoever closes last writes the log back into the file, and readers may not.
        self.0.writer.close().await;
        followed
    }
}

impl Inner {
    /// The connection that writes, to the file that was opened: what is acknowledged must be where the
    /// next start looks.
    pub(crate) async fn writer(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.connection(&self.writer).await
    }

    pub(crate) async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.connection(&self.reader).await
    }

    async fn connection(&self, pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, StoreError> {
        let connection = pool.acquire().await;
        // After the connection, which may be new, and before its error, which says less.
        self.opened.check()?;
        Ok(connection?)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("view", &self.0.view)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_commit_is_synced_and_goes_through_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/countersign.db", folder.path().display());
        let store = Store::open(StoreOptions::new(url)).await.unwrap();
        let writer = &store.0.writer;
        let full: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(writer)
            .await
            .unwrap();
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(writer)
            .await
            .unwrap();
        let keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
            .fetch_one(writer)
            .await
            .unwrap();
        assert_eq!((full, mode.as_str(), keys), (2, "wal", 1));
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/countersign.db", folder.path().display());
        let store = Store::open(StoreOptions::new(url)).await.unwrap();
        let delete = || sqlx::query("DELETE FROM issuers");
        assert!(delete().execute(&store.0.reader).await.is_err());
        assert!(delete().execute(&store.0.writer).await.is_ok());
    }
}
