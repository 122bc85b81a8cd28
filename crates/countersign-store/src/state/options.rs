use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign::key::KeyPrefix;
use countersign::random::{Random, SystemRandom};
use countersign::registry::RecordLimits;
use countersign::time::{BootClock, Clock, SystemBootClock, SystemClock};

use crate::error::StoreError;
use crate::secrets::{MasterKey, MasterKeySource};
use crate::sql::Location;
#[cfg(feature = "postgres")]
use crate::sql::postgres::Hosts;

/// The options of a [`Store`](crate::Store).
#[derive(Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Where the database is: `sqlite://countersign.db`, `sqlite:///var/lib/countersign.db`, or the same without the slashes
    /// after the colon; or, with the feature `postgres`, `postgres://USER@HOST/DATABASE`. See [`Store`](crate::Store).
    pub url: String,
    /// Where the master key comes from. Default: a file beside the database. For PostgreSQL, it must be given.
    pub master_key: MasterKey,
    /// The maximum age of the view, after which it is stale. Default: 5 s.
    pub max_staleness: Duration,
    /// What happens to requests while the view is stale. Default: they are rejected with 503.
    pub when_stale: WhenStale,
    /// The records that the view contains. Default: all.
    pub contents: ViewContents,
    /// How often the store reads changes of other processes. `None`: it does so only when
    /// [`catch_up`](crate::Store::catch_up) is called, and [`maintain`](crate::Store::maintain) is up to the caller too.
    /// Default: 20 ms. A look at an unchanged database does not read the file. PostgreSQL is asked every 50 ms at most, and
    /// when it notifies of a commit, which it does ten times a second at most.
    pub poll_period: Option<Duration>,
    /// How many records callers may create.
    pub limits: RecordLimits,
    /// The prefix of the API keys of this store. Keys with another prefix are rejected. Default: `cs`.
    pub key_prefix: KeyPrefix,
    /// The clock for the dates of records.
    pub clock: Arc<dyn Clock>,
    /// The generator of ids, keys, peppers, nonces and the master key.
    pub random: Arc<dyn Random>,
    /// The clock that measures the age of the view.
    pub boot_clock: Arc<dyn BootClock>,
}

/// What happens to requests while the view is stale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenStale {
    /// They are rejected with 503: whether they are valid cannot be decided.
    #[default]
    Reject,
    /// They are decided with the stale view. Credentials that were revoked meanwhile are accepted, for as long as the database
    /// cannot be read. A [`Receipt`](crate::Receipt) is incomplete until this process has acknowledged the changes.
    Serve,
}

/// The records that a view contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViewContents {
    /// All credentials, and all denials.
    Everything,
    /// Only denials, which is enough for a process that only verifies tokens. API keys and users are unknown.
    Denials,
    /// No records, for a process that makes changes and authenticates no requests. Opening the store takes the same time
    /// whatever the number of records. The view is never fresh, so that it rejects everything.
    Nothing,
}

impl StoreOptions {
    /// Returns the default options for the database at `url`, with the clocks and the random generator of the system.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            master_key: MasterKey::BesideDatabase,
            max_staleness: Duration::from_secs(5),
            when_stale: WhenStale::Reject,
            contents: ViewContents::Everything,
            poll_period: Some(Duration::from_millis(20)),
            limits: RecordLimits::default(),
            key_prefix: KeyPrefix::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            boot_clock: Arc::new(SystemBootClock),
        }
    }

    pub(crate) fn master_key_source(&self) -> Result<MasterKeySource, StoreError> {
        let file = match self.location()? {
            Location::File(path) => Some(path),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => None,
        };
        Ok(MasterKeySource {
            key: self.master_key.clone(),
            database: file,
            random: Arc::clone(&self.random),
        })
    }

    /// Checks that the URL names a database, without connecting to it.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnsupportedUrl`], or [`StoreError::InsecureUrl`]. The error does not repeat the URL.
    pub fn check_url(&self) -> Result<(), StoreError> {
        self.location().map(drop)
    }

    /// Returns where the database is.
    pub(crate) fn location(&self) -> Result<Location, StoreError> {
        #[cfg(feature = "postgres")]
        if self.url.starts_with("postgres:") || self.url.starts_with("postgresql:") {
            return Ok(Location::Postgres(Hosts::parse(&self.url)?));
        }
        self.file().map(Location::File)
    }

    /// Returns the file that the URL names.
    ///
    /// # Errors
    ///
    /// As [`check_url`](Self::check_url), and [`StoreError::SqliteOnly`] if the URL names a PostgreSQL database.
    pub fn database(&self) -> Result<PathBuf, StoreError> {
        match self.location()? {
            Location::File(path) => Ok(path),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => Err(StoreError::SqliteOnly),
        }
    }

    fn file(&self) -> Result<PathBuf, StoreError> {
        let rest = self.url.strip_prefix("sqlite:");
        let path = rest.map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            // SQLite does not take these two for the name of a file.
            Some(path) if path.starts_with("file:") || path.starts_with(':') => {
                Err(StoreError::UnsupportedUrl)
            }
            // A database in memory would lose acknowledged changes. A query would be ignored.
            None | Some("") => Err(StoreError::UnsupportedUrl),
            Some(path) if path.contains(['?', '#']) => Err(StoreError::UnsupportedUrl),
            Some(path) => Ok(path.into()),
        }
    }
}

impl fmt::Debug for StoreOptions {
    /// Omits the URL: a wrong one may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("master_key", &self.master_key)
            .field("max_staleness", &self.max_staleness)
            .field("when_stale", &self.when_stale)
            .field("contents", &self.contents)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_with_and_without_slashes_names_a_file() {
        for (url, path) in [
            ("sqlite://countersign.db", "countersign.db"),
            ("sqlite:countersign.db", "countersign.db"),
            ("sqlite:///var/lib/c.db", "/var/lib/c.db"),
            ("sqlite:/var/lib/c.db", "/var/lib/c.db"),
        ] {
            let options = StoreOptions::new(url);
            assert_eq!(options.database().unwrap(), PathBuf::from(path), "{url}");
        }
    }

    #[test]
    fn url_that_names_no_file_is_rejected_and_not_repeated() {
        for url in [
            "mysql://me:swordfish@db/x",
            "countersign.db",
            "sqlite",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite://:x",
            "sqlite:file:c.db",
            "sqlite://file::memory:",
            "sqlite://c.db?mode=ro",
        ] {
            let options = StoreOptions::new(url);
            let error = options.check_url().unwrap_err();
            assert!(error.to_string().contains("sqlite://PATH"), "{url}");
            assert!(!format!("{error:?} {error} {options:?}").contains("swordfish"));
        }
    }
}
