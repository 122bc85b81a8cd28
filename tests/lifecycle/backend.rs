//! The registries of the library and of the store, with a clock that tests move.

use std::sync::Arc;

use countersign::Principal;
use countersign::auth::Authenticator;
use countersign::credentials::{ClientAddress, Credentials, RequestHead};
use countersign::directory::{Directory, MemoryDirectory};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::ApiKeys;
use countersign::random::SystemRandom;
use countersign::registry::{
    Caller, CreatedKey, ManagedTokens, MemoryRegistry, NewKey, RecordLimits, Registry,
};
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign_store::Store;

use crate::database;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// Where [`Backend::principal`] presents keys.
const ADDRESS: &str = "192.0.2.7";

pub(crate) struct Backend {
    pub(crate) clock: FixedClock,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) tokens: Arc<dyn ManagedTokens>,
    pub(crate) directory: Arc<dyn Directory>,
    peppers: Peppers,
    _folder: Option<tempfile::TempDir>,
}

impl Backend {
    /// Returns a new registry of each kind.
    pub(crate) async fn all() -> [Self; 2] {
        Self::all_with(RecordLimits::default()).await
    }

    /// Returns a new registry of each kind with these limits.
    pub(crate) async fn all_with(limits: RecordLimits) -> [Self; 2] {
        [Self::in_memory(limits), Self::on_disk(limits).await]
    }

    fn in_memory(limits: RecordLimits) -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let table = Arc::clone(&directory);
        let registry = MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom);
        let registry = Arc::new(registry.unwrap().with_limits(limits));
        Self {
            clock,
            registry: registry.clone(),
            tokens: registry,
            directory,
            peppers,
            _folder: None,
        }
    }

    async fn on_disk(limits: RecordLimits) -> Self {
        let clock = FixedClock::at(NOW);
        let folder = tempfile::tempdir().unwrap();
        let mut options = database::options(folder.path());
        options.clock = Arc::new(clock.clone());
        options.limits = limits;
        let store = Store::open(options).await.unwrap();
        Self {
            clock,
            directory: store.directory(),
            peppers: store.peppers(),
            registry: Arc::new(store.clone()),
            tokens: Arc::new(store),
            _folder: Some(folder),
        }
    }

    /// Creates a key, and returns the caller that it authenticates.
    pub(crate) async fn caller(&self, new: NewKey) -> Caller {
        let operator = Caller::operator("test");
        let key = self.registry.create_key(&operator, new).await.unwrap();
        Caller::authenticated(&self.principal(&key).await).unwrap()
    }

    /// Authenticates a key.
    pub(crate) async fn principal(&self, key: &CreatedKey) -> Principal {
        let keys = ApiKeys::new(Arc::clone(&self.directory), self.peppers.clone());
        let authenticator = Authenticator::builder().primary(keys);
        let authenticator = authenticator.clock(self.clock.clone()).build().unwrap();
        let credentials = Credentials::key(key.issued.key.clone());
        let address = ClientAddress::Known(ADDRESS.parse().unwrap());
        let credentials = credentials.presented_from(Some(address));
        let principal = authenticator.authenticate(credentials, &RequestHead::empty());
        principal.await.unwrap()
    }
}
