//! Fixtures: a folder with a database, clocks, and new credentials.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::Scopes;
use countersign::random::{Random, RandomError, SystemRandom};
use countersign::registry::{Caller, Change, NewKey, NewUser};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{BootClock, Store, StoreOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

#[derive(Clone)]
pub(crate) struct TestFolder(Arc<tempfile::TempDir>);

impl TestFolder {
    pub(crate) fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn options(&self) -> StoreOptions {
        let path = self.file("countersign.db");
        let mut options = StoreOptions::new(format!("sqlite://{}", path.display()));
        options.clock = Arc::new(FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)));
        // Tests decide when changes of other processes are read.
        options.poll_period = None;
        options
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(self.options()).await.unwrap()
    }

    /// Connects to the database as another program would.
    pub(crate) async fn connect(&self) -> SqliteConnection {
        self.connect_to("countersign.db").await
    }

    /// Connects to another database in the folder.
    pub(crate) async fn connect_to(&self, name: &str) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.file(name))
            .connect()
            .await
            .unwrap()
    }

    /// Connects to a new database in the folder.
    pub(crate) async fn connect_to_new(&self, name: &str) -> SqliteConnection {
        std::fs::write(self.file(name), "").unwrap();
        self.connect_to(name).await
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        self.execute_in("countersign.db", sql).await;
    }

    pub(crate) async fn execute_in(&self, name: &str, sql: &'static str) {
        let mut connection = self.connect_to(name).await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        // A connection that is still open when the store is closed would keep the write-ahead log.
        connection.close().await.unwrap();
    }

    /// Returns the result of a query for one number.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.connect().await;
        let number = sqlx::query_scalar(sql).fetch_one(&mut connection).await;
        connection.close().await.unwrap();
        number.unwrap()
    }
}

pub(crate) fn new_key(name: &str) -> NewKey {
    NewKey::new(name, "calls:read wallet:*".parse().unwrap())
        .expires_at(Timestamp::from_unix_millis(1_900_000_000_123))
}

pub(crate) fn operator() -> Caller {
    Caller::operator("test")
}

pub(crate) const REVOKE: Change = Change::Revoke { reason: None };

pub(crate) fn new_user(name: &str) -> NewUser {
    let hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"
        .parse()
        .unwrap();
    NewUser::new(name.parse().unwrap(), hash, Scopes::none())
}

/// A boot clock that a test advances.
#[derive(Clone, Default)]
pub(crate) struct ManualBootClock(Arc<AtomicU64>);

impl ManualBootClock {
    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl BootClock for ManualBootClock {
    fn since_boot(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A boot clock that always agrees with another clock.
pub(crate) struct BootClockFrom(pub(crate) FixedClock);

impl BootClock for BootClockFrom {
    fn since_boot(&self) -> Duration {
        let millis = self.0.now().unix_millis();
        Duration::from_millis(u64::try_from(millis).unwrap())
    }
}

/// A generator that records its random bytes.
#[derive(Clone, Default)]
pub(crate) struct RecordingRandom(Arc<Mutex<Vec<Vec<u8>>>>);

impl RecordingRandom {
    /// Returns all values with the length of a secret.
    pub(crate) fn secrets(&self) -> Vec<Vec<u8>> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|b| b.len() == 32).cloned().collect()
    }
}

impl Random for RecordingRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        SystemRandom.fill(out)?;
        self.0.lock().unwrap().push(out.to_vec());
        Ok(())
    }
}
