//! A folder with a database, and what tests inject into stores.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::Scopes;
use countersign::random::{Random, RandomError, SystemRandom};
use countersign::registry::{Caller, Change, NewKey, NewUser};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{SinceBoot, Store, StoreOptions};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn options(&self) -> StoreOptions {
        let path = self.file("countersign.db");
        let mut options = StoreOptions::new(format!("sqlite://{}", path.display()));
        options.clock = Arc::new(FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)));
        options
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(self.options()).await.unwrap()
    }

    /// A connection of somebody else's to the database.
    pub(crate) async fn intrude(&self) -> SqliteConnection {
        self.intrude_into("countersign.db").await
    }

    /// The same, to another one of this folder.
    pub(crate) async fn intrude_into(&self, name: &str) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.file(name))
            .connect()
            .await
            .unwrap()
    }

    /// The same, to one that is not there yet.
    pub(crate) async fn intrude_new(&self, name: &str) -> SqliteConnection {
        std::fs::write(self.file(name), "").unwrap();
        self.intrude_into(name).await
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        self.execute_in("countersign.db", sql).await;
    }

    pub(crate) async fn execute_in(&self, name: &str, sql: &'static str) {
        let mut connection = self.intrude_into(name).await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }
}

impl Place {
    /// What a query for one number says.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.intrude().await;
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }
}

pub(crate) fn key(name: &str) -> NewKey {
    NewKey::new(name, "calls:read wallet:*".parse().unwrap())
        .expires_at(Timestamp::from_unix_millis(1_900_000_000_123))
}

pub(crate) fn me() -> Caller {
    Caller::operator("test")
}

pub(crate) const REVOKE: Change = Change::Revoke { reason: None };

pub(crate) fn user(name: &str) -> NewUser {
    let hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA".parse().unwrap();
    NewUser::new(name.parse().unwrap(), hash, Scopes::none())
}

/// A machine whose uptime moves only when told to.
#[derive(Clone, Default)]
pub(crate) struct Uptime(Arc<AtomicU64>);

impl Uptime {
    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl SinceBoot for Uptime {
    fn since_boot(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A machine whose clock nobody sets: it has been up for as long as the clock has run.
pub(crate) struct NeverSet(pub(crate) FixedClock);

impl SinceBoot for NeverSet {
    fn since_boot(&self) -> Duration {
        let millis = self.0.now().unix_millis();
        Duration::from_millis(u64::try_from(millis).unwrap())
    }
}

/// Random bytes, and a memory of them.
#[derive(Clone, Default)]
pub(crate) struct Recorded(Arc<Mutex<Vec<Vec<u8>>>>);

impl Recorded {
    /// Everything as long as a secret: master key, pepper, keys' bits.
    pub(crate) fn secrets(&self) -> Vec<Vec<u8>> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|b| b.len() == 32).cloned().collect()
    }
}

impl Random for Recorded {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        SystemRandom.fill(out)?;
        self.0.lock().unwrap().push(out.to_vec());
        Ok(())
    }
}
