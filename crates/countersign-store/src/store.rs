use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::key::Peppers;
use countersign::mechanism::{ApiKeys, Basic, Jwt};
use countersign::mint::Issuer;
use countersign::token::{TrustError, TrustedIssuerBuilder};
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::error::StoreError;
use crate::feed::FeedLog;
use crate::nodes::{Evictions, Node};
use crate::sql::{self, Database};
use crate::state::{Follower, State, StoreOptions, View, ViewContents, WhenStale, prepare};

/// How many calls wait for nodes at once.
const MAX_WAITING: usize = 64;

/// Credentials, issuers and keys in a database. Cloning it copies a reference count.
///
/// It implements [`Registry`](countersign::registry::Registry),
/// [`ManagedTokens`](countersign::registry::ManagedTokens) and [`Sessions`](countersign::registry::Sessions), and
/// creates the mechanisms that authenticate with its records. See the [crate](crate) for an example.
///
/// Its methods return boxed futures rather than being `async`, so that their bodies, with those of the drivers of the
/// databases, are compiled once in this crate, and not again in each crate that calls them.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) follower: Mutex<Follower>,
    pub(crate) state: State,
    pub(crate) view: Arc<View>,
    /// This process as a node; `None` if it decides on no requests.
    pub(crate) node: Option<Node>,
    /// What verifiers follow, and those that this process answers.
    pub(crate) feed: Arc<FeedLog>,
    /// It is locked while rows of verifiers are written.
    pub(crate) feed_writer: Mutex<()>,
    /// Says that verifiers have acknowledged changes.
    pub(crate) feed_acknowledged: Notify,
    pub(crate) evictions: Mutex<Evictions>,
    /// The permits of the calls that wait for nodes.
    pub(crate) waiting: Semaphore,
    /// When this process has counted the uptime of the database last, in time since the machine was started, and the uptime
    /// then.
    pub(crate) uptime_counted: Mutex<(Duration, i64)>,
    pub(crate) options: StoreOptions,
}

impl Inner {
    /// Opens the database, loads the view, and registers this process as a node.
    pub(crate) async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let inner = Self::connect(options).await?;
        inner.join().await?;
        Ok(inner)
    }

    /// Opens the database. The view is empty, and not fresh.
    pub(crate) async fn connect(options: StoreOptions) -> Result<Self, StoreError> {
        let database = Database::open(&options.location()?).await?;
        // Before the uptime is read: less time has passed since than is counted.
        let since = options.boot_clock.since_boot();
        let state = prepare(&database, &options).await?;
        let uptime = sql::expired::uptime(&mut database.reader().await?).await?;
        let feed = Arc::new(FeedLog::new());
        let follower = Follower::new(database.watcher(), options.contents, Arc::clone(&feed));
        let clock = Arc::clone(&options.boot_clock);
        Ok(Self {
            database,
            follower: Mutex::new(follower),
            state,
            view: Arc::new(View::new(options.max_staleness, options.when_stale, clock)),
            node: node(&options)?,
            feed,
            feed_writer: Mutex::default(),
            feed_acknowledged: Notify::new(),
            evictions: Mutex::default(),
            waiting: Semaphore::new(MAX_WAITING),
            uptime_counted: Mutex::new((since, uptime)),
            options,
        })
    }

    /// Loads the view, registers this process if it is a node, and makes the view fresh. No process waits for this one while it
    /// loads, however long that takes: see [`nodes`](crate::nodes).
    pub(crate) async fn join(&self) -> Result<(), StoreError> {
        // This also checks that the file is still the one that the writer has opened.
        self.poll().await?;
        if self.node.is_some() {
            self.acknowledge().await?;
            // The first comparison that finds the row. It reads what has changed since the records were read.
            self.poll().await?;
        }
        Ok(())
    }

    pub(crate) async fn poll(&self) -> Result<(), StoreError> {
        let mut follower = self.follower.lock().await;
        let begun = self.view.since_boot();
        let node = self.node.as_ref();
        follower.poll(&self.state, &self.view, node).await?;
        self.measured("poll", begun);
        Ok(())
    }

    /// Records in the histogram `countersign_store_duration_seconds` how long an operation took, with the feature `metrics`.
    pub(crate) fn measured(&self, operation: &'static str, begun: Duration) {
        #[cfg(feature = "metrics")]
        {
            let duration = self.view.since_boot().saturating_sub(begun);
            metrics::histogram!("countersign_store_duration_seconds", "operation" => operation)
                .record(duration.as_secs_f64());
        }
        #[cfg(not(feature = "metrics"))]
        let _ = (operation, begun);
    }

    /// Writes the row of this process, if it is a node: registers it, or acknowledges the changes in the view.
    pub(crate) async fn acknowledge(&self) -> Result<(), StoreError> {
        let Some(node) = &self.node else {
            return Ok(());
        };
        let age = self.view.age().unwrap_or_default();
        let now = self.state.clock.now();
        node.write(&self.database, age, now).await
    }
}

/// Returns this process as a node, if it decides on requests.
fn node(options: &StoreOptions) -> Result<Option<Node>, StoreError> {
    if options.contents == ViewContents::Nothing {
        return Ok(None);
    }
    let serves_stale = options.when_stale == WhenStale::Serve;
    let (now, random) = (options.clock.now(), &*options.random);
    Node::new(options.max_staleness, serves_stale, now, random).map(Some)
}

impl Store {
    /// Returns the view, in which mechanisms and verifiers look up credentials.
    #[must_use]
    pub fn directory(&self) -> Arc<View> {
        Arc::clone(&self.0.view)
    }

    /// Returns the account of the operators, `default`, which every database has.
    #[must_use]
    pub fn default_account(&self) -> Id {
        self.0.state.account
    }

    /// Returns the peppers with which the secrets of API keys are hashed. They follow those in the database.
    #[must_use]
    pub fn peppers(&self) -> Peppers {
        self.0.state.peppers.clone()
    }

    /// Returns the mechanism that authenticates API keys.
    #[must_use]
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys::new(self.directory(), self.peppers())
    }

    /// Returns the mechanism that authenticates the id and the secret of API keys by `Basic` (RFC 7617). With the feature
    /// `passwords` of `countersign`, its method `passwords` adds users with their passwords.
    #[must_use]
    pub fn basic(&self) -> Basic {
        Basic::new(self.directory(), self.peppers())
    }

    /// Returns the mechanism that authenticates tokens of `issuer`, and rejects those of revoked credentials.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the issuer's settings cannot be trusted, as
    /// [`build`](countersign::token::TrustedIssuerBuilder::build) returns it.
    pub fn jwt(&self, issuer: &Issuer) -> Result<Jwt, TrustError> {
        Ok(Jwt::new([self.trusted(issuer).build()?]))
    }

    /// Returns `issuer` as verifiers see it, with the directory of this store, to be trusted together with other issuers.
    pub fn trusted(&self, issuer: &Issuer) -> TrustedIssuerBuilder {
        issuer.trusted().directory(self.directory())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("view", &self.0.view)
            .finish_non_exhaustive()
    }
}
