//! Opening, following and closing a store.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::error::StoreError;
use crate::sqlite;
use crate::state::{StoreOptions, ViewContents};
use crate::store::{Inner, Store};

impl Store {
    /// Opens the database, and loads its records into the view.
    ///
    /// A database that does not exist is created: with a master key, a pepper, the account `default` with the environment
    /// `production`, and the issuer `default`.
    ///
    /// A task on the current tokio runtime, whose timer must be enabled, reads changes of other processes every
    /// [`poll_period`](StoreOptions::poll_period), and calls [`maintain`](Self::maintain) every
    /// [`MAINTENANCE_PERIOD`](Self::MAINTENANCE_PERIOD). It ends when the store is closed, and when the last handle to the
    /// store or its [`directory`](Self::directory) is dropped.
    ///
    /// # Errors
    ///
    /// - [`StoreError::UnsupportedUrl`], [`StoreError::File`], [`StoreError::NoWriteAheadLog`]: there can be no database.
    /// - [`StoreError::UnrelatedDatabase`], [`StoreError::UnreleasedSchema`], [`StoreError::NewerSchema`]: the file is
    ///   not a database of this version.
    /// - [`StoreError::MasterKeyMissing`], [`StoreError::MasterKeyMalformed`], [`StoreError::Unseal`]: the master key does
    ///   not decrypt the database.
    /// - [`StoreError::SqliteTooOld`], [`StoreError::Corrupt`], [`StoreError::Database`], [`StoreError::Cryptography`],
    ///   [`StoreError::FileReplaced`].
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let inner = Arc::new(Inner::open(options).await?);
        let options = &inner.options;
        if let Some(period) = options.poll_period
            && options.contents != ViewContents::Nothing
        {
            tokio::spawn(follow(Arc::clone(&inner), period));
        }
        Ok(Self(inner))
    }

    /// Compares the view with the database once, and applies changes of other processes.
    ///
    /// # Errors
    ///
    /// [`StoreError::FileReplaced`], [`StoreError::Closed`], or that the database cannot be read. The view stays as it
    /// was, and becomes no fresher.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        self.0.poll().await
    }

    /// Returns whether there is any credential, whatever its status.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read.
    pub async fn has_credentials(&self) -> Result<bool, StoreError> {
        sqlite::credentials::exist(&mut *self.0.database.reader().await?).await
    }

    /// Checks that the database can be read, for a readiness probe.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read.
    pub async fn check(&self) -> Result<(), StoreError> {
        let head = sqlite::changes::head(&mut *self.0.database.reader().await?).await;
        head.map(drop)
    }

    /// Closes the database after pending calls have ended. All clones are closed too.
    ///
    /// # Errors
    ///
    /// Returns an error if a connection did not close cleanly. No acknowledged change is lost.
    pub async fn close(&self) -> Result<(), StoreError> {
        // The uses of credentials are worth one attempt.
        let _ = self.0.write_used().await;
        let closed = self.0.follower.lock().await.close().await;
        self.0.database.close().await;
        closed
    }
}

/// Follows the change log, and maintains the database. A failure is logged once, and retried.
async fn follow(store: Arc<Inner>, period: Duration) {
    // An interval of zero panics.
    let mut polls = tokio::time::interval(period.max(Duration::from_millis(1)));
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut maintenance = tokio::time::interval(Store::MAINTENANCE_PERIOD);
    maintenance.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reading = Task::new(
        "reading changes failed; retrying",
        "the database can be read again",
    );
    let mut maintaining = Task::new(
        "maintenance failed; retrying",
        "maintenance succeeded again",
    );
    // While there is another handle.
    while Arc::strong_count(&store) > 1 || Arc::strong_count(&store.view) > 1 {
        let (task, done) = tokio::select! {
            _ = maintenance.tick() => (&mut maintaining, store.maintain().await),
            _ = polls.tick() => (&mut reading, store.poll().await),
        };
        if matches!(done, Err(StoreError::Closed)) {
            return;
        }
        task.log(&done);
    }
}

/// A task that is repeated, with the events that are logged when it begins to fail, and when it succeeds again.
struct Task {
    failed: &'static str,
    recovered: &'static str,
    failing: bool,
}

impl Task {
    const fn new(failed: &'static str, recovered: &'static str) -> Self {
        Self {
            failed,
            recovered,
            failing: false,
        }
    }

    fn log(&mut self, done: &Result<(), StoreError>) {
        match done {
            Ok(()) if self.failing => tracing::info!("{}", self.recovered),
            Err(error) if !self.failing => tracing::warn!(%error, "{}", self.failed),
            _ => {}
        }
        self.failing = done.is_err();
    }
}
