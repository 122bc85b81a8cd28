use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign::Secret;
use countersign::key::KeyPrefix;
use countersign::random::{Random, SystemRandom};
use countersign::time::{Clock, SystemClock};

use crate::error::StoreError;
use crate::follow::ViewContents;
use crate::master_key;
use crate::since_boot::{BootClock, SinceBoot};

/// What a [`Store`](crate::Store) is opened with.
#[derive(Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Where the database is: `sqlite://countersign.db`, `sqlite:///var/lib/countersign.db`, or the
    /// same without the slashes.
    pub url: String,
    /// Where the master key is.
    pub master_key: MasterKey,
    /// How old the view may be and still check_freshness for what it says: 5 s unless set.
    pub max_staleness: Duration,
    /// What the view is to hold: everything unless set.
    pub holds: ViewContents,
    /// The prefix of the store's API keys: `cs` unless set. Keys of any other prefix are rejected.
    pub key_prefix: KeyPrefix,
    /// Dates records and their ids.
    pub clock: Arc<dyn Clock>,
    /// Makes ids, keys, peppers, nonces and the master key.
    pub random: Arc<dyn Random>,
    /// Measures how old the view is.
    pub since_boot: Arc<dyn SinceBoot>,
}

impl StoreOptions {
    /// The defaults for the database at `url`, with the system's clocks and generator.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            master_key: MasterKey::BesideDatabase,
            max_staleness: Duration::from_secs(5),
            holds: ViewContents::Everything,
            key_prefix: KeyPrefix::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            since_boot: Arc::new(BootClock),
        }
    }

    /// Returns the file that the URL names.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnsupportedUrl`] if it is not the URL of a SQLite file. The error does not repeat the URL.
    pub fn database(&self) -> Result<PathBuf, StoreError> {
        let rest = self.url.strip_prefix("sqlite:");
        let path = rest.map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            // SQLite itself reads these two as something else than a file's name.
            Some(path) if path.starts_with("file:") || path.starts_with(':') => {
                Err(StoreError::UnsupportedUrl)
            }
            // A database in memory would lose what was acknowledged; a query would be ignored.
            None | Some("") => Err(StoreError::UnsupportedUrl),
            Some(path) if path.contains(['?', '#']) => Err(StoreError::UnsupportedUrl),
            Some(path) => Ok(path.into()),
        }
    }
}

impl fmt::Debug for StoreOptions {
    /// Without the URL: a mistaken one may have a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("master_key", &self.master_key)
            .field("max_staleness", &self.max_staleness)
            .finish_non_exhaustive()
    }
}

/// Where the master key comes from: 32 bytes in base64.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MasterKey {
    /// From `countersign.key` in the database's folder. Made there for a new database.
    BesideDatabase,
    /// From another file. Made there for a new database.
    File(PathBuf),
    /// From text that the caller has read elsewhere.
    Text(Secret),
}

impl MasterKey {
    /// From `text`, looked at now rather than when a store is opened.
    ///
    /// # Errors
    ///
    /// [`StoreError::MasterKeyMalformed`], which does not repeat it.
    pub fn from_text(text: Secret) -> Result<Self, StoreError> {
        master_key::parse(text.expose().as_bytes())?;
        Ok(Self::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_names_a_file_with_and_without_slashes() {
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
    fn url_rejected_when_it_names_anything_but_a_file_and_is_not_repeated() {
        for url in [
            "postgres://me:swordfish@db/x",
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
            let error = options.database().unwrap_err();
            assert!(error.to_string().contains("sqlite://PATH"), "{url}");
            assert!(!format!("{error:?} {error} {options:?}").contains("swordfish"));
        }
    }
}
