//! Fixtures: a folder with a database, clocks, and new credentials.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::Scopes;
use countersign::random::{Random, RandomError, SystemRandom};
use countersign::registry::{Caller, Change, NewKey, NewUser};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{BootClock, MasterKey, Store, StoreOptions};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// A folder with a database, or for the master key of one.
#[derive(Clone)]
pub(crate) struct TestFolder {
    folder: Arc<tempfile::TempDir>,
    /// The URL of a PostgreSQL database; `None` for a file in the folder.
    postgres: Option<Arc<str>>,
}

impl TestFolder {
    /// Creates one for the kind of database that the variable `COUNTERSIGN_TEST_STORE` names, `sqlite` or `postgres`.
    pub(crate) fn new() -> Self {
        let kind = std::env::var("COUNTERSIGN_TEST_STORE");
        let kind = kind.as_deref().unwrap_or("sqlite");
        assert!(["sqlite", "postgres"].contains(&kind), "{kind}");
        match kind {
            "postgres" => Self::postgres(),
            _ => Self::sqlite(),
        }
    }

    /// Creates one for SQLite, for tests about its files.
    pub(crate) fn sqlite() -> Self {
        Self {
            folder: Arc::new(tempfile::tempdir().unwrap()),
            postgres: None,
        }
    }

    /// Creates one for PostgreSQL, with a master key.
    pub(crate) fn postgres() -> Self {
        let folder = Self {
            folder: Arc::new(tempfile::tempdir().unwrap()),
            postgres: Some(countersign_test_postgres::new_database().into()),
        };
        let mut key = [0; 32];
        SystemRandom.fill(&mut key).unwrap();
        std::fs::write(folder.file("countersign.key"), STANDARD.encode(key)).unwrap();
        folder
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn options(&self) -> StoreOptions {
        let path = self.file("countersign.db");
        let url = match &self.postgres {
            Some(url) => url.to_string(),
            None => format!("sqlite://{}", path.display()),
        };
        let mut options = StoreOptions::new(url);
        if self.postgres.is_some() {
            options.master_key = MasterKey::File(self.file("countersign.key"));
        }
        options.clock = Arc::new(FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)));
        // Tests decide when changes of other processes are read.
        options.poll_period = None;
        options
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(self.options()).await.unwrap()
    }

    /// Connects to the PostgreSQL database as another program would.
    pub(crate) async fn connect_to_postgres(&self) -> PgConnection {
        PgConnection::connect(self.postgres.as_ref().unwrap())
            .await
            .unwrap()
    }

    /// Connects to the database file as another program would.
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
        if self.postgres.is_some() {
            let mut connection = self.connect_to_postgres().await;
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            return;
        }
        self.execute_in("countersign.db", sql).await;
    }

    pub(crate) async fn execute_in(&self, name: &str, sql: &'static str) {
        let mut connection = self.connect_to(name).await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        // A connection that is still open when the store is closed would keep the write-ahead log.
        connection.close().await.unwrap();
    }

    /// Returns the results of a query for numbers.
    pub(crate) async fn numbers(&self, sql: &'static str) -> Vec<i64> {
        if self.postgres.is_some() {
            let mut connection = self.connect_to_postgres().await;
            let numbers = sqlx::query_scalar(sql).fetch_all(&mut connection);
            return numbers.await.unwrap();
        }
        let mut connection = self.connect().await;
        let numbers = sqlx::query_scalar(sql).fetch_all(&mut connection);
        numbers.await.unwrap()
    }

    /// Returns the result of a query for one number.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        if self.postgres.is_some() {
            let mut connection = self.connect_to_postgres().await;
            let number = sqlx::query_scalar(sql).fetch_one(&mut connection);
            return number.await.unwrap();
        }
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
