//! Opening, following and closing a store.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use countersign::BoxFuture;
use countersign::directory::Directory as _;
use futures_util::future::{Either, join3, select};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior};

use crate::error::StoreError;
use crate::nodes;
use crate::sql::{self, Database, Location};
use crate::state::{StoreOptions, View, ViewContents};
use crate::store::{Inner, Store};

/// How long a node waits after an acknowledgement before the next one, so that many changes are one write.
const ACKNOWLEDGEMENT_PAUSE: Duration = Duration::from_millis(25);

impl Store {
    /// Opens the database, and loads its records into the view.
    ///
    /// A database that does not exist is created: with a master key, a pepper, the account `default` with the environment
    /// `production`, and the issuer `default`.
    ///
    /// A task on the current tokio runtime, whose timer must be enabled, reads changes of other processes every
    /// [`poll_period`](StoreOptions::poll_period), and calls [`maintain`](Self::maintain) every
    /// [`MAINTENANCE_PERIOD`](Self::MAINTENANCE_PERIOD). It also acknowledges the changes that are in the view, for
    /// [`wait_for_nodes`](Self::wait_for_nodes). It ends when the store is closed, and when the last handle to the store or its
    /// [`directory`](Self::directory) is dropped.
    ///
    /// # Errors
    ///
    /// - [`StoreError::UnsupportedUrl`], [`StoreError::InsecureUrl`], [`StoreError::File`], [`StoreError::CannotOpen`],
    ///   [`StoreError::NoWriteAheadLog`], [`StoreError::Standby`], [`StoreError::UnsupportedEncoding`],
    ///   [`StoreError::NotMigrated`]: there can be no database.
    /// - [`StoreError::UnrelatedDatabase`], [`StoreError::UnreleasedSchema`], [`StoreError::NewerSchema`]: the file is
    ///   not a database of this version.
    /// - [`StoreError::MasterKeyNotGiven`], [`StoreError::MasterKeyMissing`], [`StoreError::MasterKeyMalformed`], [`StoreError::Unseal`]: the master key does
    ///   not decrypt the database.
    /// - [`StoreError::SqliteTooOld`], [`StoreError::Corrupt`], [`StoreError::Database`], [`StoreError::Cryptography`],
    ///   [`StoreError::FileReplaced`].
    pub fn open(options: StoreOptions) -> BoxFuture<'static, Result<Self, StoreError>> {
        Box::pin(async move {
            let location = options.location()?;
            let inner = Inner::open(options).await;
            let inner = Arc::new(inner.map_err(|error| match &location {
                Location::File(path) => error.at(path),
                #[cfg(feature = "postgres")]
                Location::Postgres(_) => error,
            })?);
            let options = &inner.options;
            if let Some(period) = options.poll_period
                && options.contents != ViewContents::Nothing
            {
                tokio::spawn(run(Arc::clone(&inner), period));
            }
            Ok(Self(inner))
        })
    }

    /// Creates the tables of a PostgreSQL database, or brings them up to date, for servers whose role may not. An SQLite
    /// database needs no such preparation: nothing is done.
    ///
    /// The role of the servers needs the rights to select, insert, update and delete in all of the tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnsupportedUrl`], [`StoreError::InsecureUrl`], [`StoreError::NotMigrated`] if this role has not the
    /// rights either, [`StoreError::UnrelatedDatabase`], [`StoreError::NewerSchema`],
    /// [`StoreError::UnsupportedEncoding`], or that the database cannot be read or written.
    pub fn migrate(options: &StoreOptions) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let location = options.location()?;
            if matches!(location, Location::File(_)) {
                return Ok(());
            }
            let database = Database::open(&location).await?;
            let mut transaction = database.begin().await?;
            sql::schema::inspect(&mut transaction).await?;
            sql::schema::create(&mut transaction).await?;
            transaction.commit().await?;
            drop(transaction);
            database.close().await;
            Ok(())
        })
    }

    /// Compares the view with the database once, and applies changes of other processes.
    ///
    /// # Errors
    ///
    /// [`StoreError::FileReplaced`], [`StoreError::Closed`], or that the database cannot be read. The view becomes
    /// no fresher.
    pub fn catch_up(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.0.poll().await })
    }

    /// Returns whether there is any credential, whatever its status.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read.
    pub fn has_credentials(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { sql::credentials::exist(&mut self.0.database.reader().await?).await })
    }

    /// Returns whether requests can be authenticated and tokens minted: the view is fresh, and each issuer whose
    /// [`signing_keys`](Self::signing_keys) are in use has one that signs now. If the clock was set back to before they were
    /// created, none does until the next [`maintain`](Self::maintain). It does not read the database.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.view.check_freshness().is_ok() && self.0.state.can_sign()
    }

    /// Returns for how long the oldest of the keys has signed that sign at present, or `None` if no key signs.
    #[must_use]
    pub fn signing_key_age(&self) -> Option<Duration> {
        self.0.state.signing_key_age()
    }

    /// Checks that the database can be read, for a readiness probe.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read.
    pub fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let head = sql::changes::head(&mut self.0.database.reader().await?).await;
            head.map(drop)
        })
    }

    /// Closes the database after pending calls have ended. All clones are closed too. Requests that are still decided with
    /// the [`directory`](Self::directory) are rejected with 503 from then on, and no other process waits for this one.
    ///
    /// # Errors
    ///
    /// Returns an error if a connection did not close cleanly. No acknowledged change is lost.
    pub fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            // The uses of credentials and the uptime are worth one attempt.
            let _ = self.0.write_used().await;
            let _ = self.0.count_uptime().await;
            let closed = self.0.follower.lock().await.close().await;
            self.0.view.close();
            // A row that stays is removed after a while.
            let _ = self.0.leave().await;
            self.0.database.close().await;
            closed
        })
    }
}

/// Maintains the database, and meanwhile follows the change log and acknowledges changes.
async fn run(store: Arc<Inner>, period: Duration) {
    let woken = Notify::new();
    let mut following = pin!(async {
        let others = join3(
            stay_listed(&store),
            store.database.listen(&woken),
            store.acknowledge_verifiers(ACKNOWLEDGEMENT_PAUSE),
        );
        select(pin!(follow(&store, period, &woken)), pin!(others)).await;
    });
    let mut ticks = interval(Store::MAINTENANCE_PERIOD);
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = &mut following => break,
            _ = ticks.tick() => {}
        }
        match select(pin!(store.maintain()), &mut following).await {
            Either::Left((done, _)) => log("maintenance", &done, &mut is_failing),
            // What it has begun is finished.
            Either::Right(((), maintaining)) => break drop(maintaining.await),
        }
    }
    // There is no other handle with which requests could be decided, or the store was closed.
    let _ = store.leave().await;
}

/// Follows the change log until the store is closed, or has no other handle. It reads the log every `period`, and when it is
/// woken.
async fn follow(store: &Arc<Inner>, period: Duration, woken: &Notify) {
    let mut ticks = interval(period.max(store.database.shortest_poll_period()));
    let (mut is_failing, mut serves_stale) = (false, false);
    while Arc::strong_count(store) > 1 || Arc::strong_count(&store.view) > 1 {
        select(pin!(ticks.tick()), pin!(woken.notified())).await;
        let done = store.poll().await;
        if matches!(done, Err(StoreError::Closed)) {
            return;
        }
        log("reading changes", &done, &mut is_failing);
        log_stale(&store.view, &mut serves_stale);
    }
}

/// Acknowledges changes soon after they are in the view, and renews the row of this node. It does not end.
async fn stay_listed(store: &Inner) {
    let Some(node) = &store.node else {
        return pending().await;
    };
    let mut positions = node.positions();
    let mut is_failing = false;
    loop {
        match store.acknowledge().await {
            Err(StoreError::Closed) => return pending().await,
            done => log("acknowledging changes", &done, &mut is_failing),
        }
        tokio::time::sleep(ACKNOWLEDGEMENT_PAUSE).await;
        // A change during the pause counts. After the time, the row is renewed.
        let _ = tokio::time::timeout(nodes::RENEWAL, positions.changed()).await;
    }
}

fn interval(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Logs a failure once, and when the task succeeds again.
fn log(task: &str, done: &Result<(), StoreError>, is_failing: &mut bool) {
    match done {
        // It was closed in the middle.
        Err(StoreError::Closed) => return,
        Ok(()) if *is_failing => tracing::info!("{task} succeeded again"),
        Err(error) if !*is_failing => tracing::warn!(%error, "{task} failed; retrying"),
        _ => {}
    }
    *is_failing = done.is_err();
}

/// Logs when requests begin to be decided with a stale view, and when they are no longer.
fn log_stale(view: &View, serves_stale: &mut bool) {
    let serves = view.is_stale() && view.check_freshness().is_ok();
    match (serves, *serves_stale) {
        (true, false) => {
            tracing::warn!(
                "the view is stale, and requests are decided with it: revoked credentials may be accepted"
            );
        }
        (false, true) => tracing::info!("the view is fresh again"),
        _ => {}
    }
    *serves_stale = serves;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use countersign::Scopes;
    use countersign::directory::{Directory as _, Status};
    use countersign::registry::{Caller, Change, NewKey, Registry as _};

    use super::*;
    use crate::BootClock;
    use crate::sql::Purpose;

    struct Elapsed(AtomicU64);

    impl BootClock for Elapsed {
        fn since_boot(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::SeqCst))
        }
    }

    #[tokio::test]
    async fn changes_are_followed_while_maintenance_waits_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("countersign.db");
        let mut options = StoreOptions::new(format!("sqlite://{}", file.display()));
        options.poll_period = None;
        let boot_clock = Arc::new(Elapsed(AtomicU64::new(0)));
        options.boot_clock = boot_clock.clone();
        let here = Store::open(options.clone()).await.unwrap();
        let there = Store::open(options).await.unwrap();
        let operator = Caller::operator("test");
        let new = NewKey::new("ci", Scopes::none());
        let id = there.create_key(&operator, new).await.unwrap().record.id;

        // Maintenance has to count the uptime, and cannot.
        boot_clock.0.store(600, Ordering::SeqCst);
        let _writer = here.0.database.file(Purpose::Write).await.unwrap();
        tokio::spawn(run(Arc::clone(&here.0), Duration::from_millis(1)));
        there.change(&operator, id, Change::Suspend).await.unwrap();
        let view = here.directory();
        let followed = async {
            let status = || view.credential(&id).map(|found| found.status);
            while status() != Some(Status::Suspended) {
                tokio::task::yield_now().await;
            }
        };
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, followed).await.unwrap();
    }
}
