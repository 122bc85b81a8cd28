//! The library in the process of the test, with an in-memory registry or with the store.

use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{Directory, MemoryDirectory};
use countersign::jose::{Algorithm, SigningKey, SigningKeys};
use countersign::key::{Pepper, Peppers};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry as r;
use countersign::registry::{Caller, DeniedToken, MemoryRegistry, NewKey, Owner, Registry};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign::{Id, Secret};
use countersign_store::Store;
use countersign_tests::claims;
use tokio::runtime::Runtime;

use crate::database;
use crate::model::{Change, Outcome, Rotation};
use crate::random_walk::{Issued, Subject};
use crate::verifier::Verifier;

const URL: &str = "https://auth.example";
const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// A [`Subject`] that calls the library directly.
pub(crate) struct Library {
    runtime: Arc<Runtime>,
    clock: FixedClock,
    caller: Caller,
    registry: Arc<dyn Registry>,
    verifier: Verifier,
    mint: Mint,
    /// The store and its folder; `None` for the in-memory registry.
    home: Option<Home>,
}

struct Home {
    folder: tempfile::TempDir,
    store: Store,
}

impl Library {
    pub(crate) fn in_memory() -> Self {
        let clock = FixedClock::at(START);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let table = Arc::clone(&directory);
        let registry =
            MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
        let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
        let keys = SigningKeys::new([(key, START)]).unwrap();
        Self::new(
            runtime(),
            clock,
            Arc::new(registry),
            directory,
            peppers,
            keys,
            None,
        )
    }

    pub(crate) fn on_disk() -> Self {
        let runtime = runtime();
        let folder = tempfile::tempdir().unwrap();
        let clock = FixedClock::at(START);
        Self::over(runtime, folder, clock)
    }

    fn over(runtime: Arc<Runtime>, folder: tempfile::TempDir, clock: FixedClock) -> Self {
        let mut options = database::options(folder.path());
        options.clock = Arc::new(clock.clone());
        let (store, keys) = runtime.block_on(async {
            let store = Store::open(options).await.unwrap();
            let keys = store.signing_keys("default", None).await.unwrap();
            (store, keys)
        });
        let (registry, directory) = (Arc::new(store.clone()), store.directory());
        let peppers = store.peppers();
        let home = Home { folder, store };
        Self::new(
            runtime,
            clock,
            registry,
            directory,
            peppers,
            keys,
            Some(home),
        )
    }

    fn new(
        runtime: Arc<Runtime>,
        clock: FixedClock,
        registry: Arc<dyn Registry>,
        directory: Arc<dyn Directory>,
        peppers: Peppers,
        keys: SigningKeys,
        home: Option<Home>,
    ) -> Self {
        let issuer = Issuer::builder(URL).signing_keys(keys).build().unwrap();
        let verifier = Verifier::new(&issuer, directory, peppers, &clock);
        Self {
            runtime,
            caller: Caller::operator("test"),
            registry,
            verifier,
            mint: Mint::new(issuer, clock.clone(), SystemRandom),
            clock,
            home,
        }
    }

    fn outcome<T>(result: Result<T, r::RegistryError>) -> Result<T, Outcome> {
        result.map_err(|error| match error {
            r::RegistryError::NotFound => Outcome::NotFound,
            r::RegistryError::Conflict(_) => Outcome::Conflict,
            other => panic!("{other}"),
        })
    }
}

fn runtime() -> Arc<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Arc::new(builder.enable_all().build().unwrap())
}

fn issued(created: &r::CreatedKey) -> Issued {
    (
        created.record.id.to_string(),
        created.issued.key.expose().to_owned(),
    )
}

impl Subject for Library {
    fn create_account(&mut self) -> String {
        let mut bytes = [0; 8];
        countersign::random::Random::fill(&SystemRandom, &mut bytes).unwrap();
        let name = format!("{bytes:?}");
        let created = self.registry.create_account(&self.caller, name);
        self.runtime.block_on(created).unwrap().id.to_string()
    }

    fn revoke_account(&mut self, id: &str) -> Outcome {
        let result = self
            .registry
            .revoke_account(&self.caller, id.parse().unwrap());
        Self::outcome(self.runtime.block_on(result)).map_or_else(|o| o, |_| Outcome::Done)
    }

    fn create_key(
        &mut self,
        account: &str,
        scopes: &str,
        expires_in: Option<u64>,
    ) -> Result<Issued, Outcome> {
        let owner = Owner {
            account: Some(account.parse().unwrap()),
            environment: None,
        };
        let mut new = NewKey::new("k", scopes.parse().unwrap()).owner(owner);
        if let Some(seconds) = expires_in {
            new = new.expires_at(self.clock.now().plus(Duration::from_secs(seconds)));
        }
        let created = self.registry.create_key(&self.caller, new);
        Self::outcome(self.runtime.block_on(created)).map(|created| issued(&created))
    }

    fn change(&mut self, id: &str, change: Change) -> Outcome {
        let change = match change {
            Change::Suspend => r::Change::Suspend,
            Change::Activate => r::Change::Activate,
            Change::Revoke => r::Change::Revoke { reason: None },
            Change::Delete => r::Change::Delete,
            Change::Scopes(index) => {
                r::Change::Scopes(crate::model::SCOPES[index].0.parse().unwrap())
            }
        };
        let result = self
            .registry
            .change(&self.caller, id.parse().unwrap(), change);
        Self::outcome(self.runtime.block_on(result)).map_or_else(|o| o, |_| Outcome::Done)
    }

    fn rotate(&mut self, id: &str, rotation: Rotation) -> Result<Issued, Outcome> {
        let rotation = match rotation {
            Rotation::Grace(seconds) => r::Rotation::Grace(Duration::from_secs(seconds)),
            Rotation::Compromised => r::Rotation::Compromised,
        };
        let created = self
            .registry
            .rotate(&self.caller, id.parse().unwrap(), rotation);
        Self::outcome(self.runtime.block_on(created)).map(|created| issued(&created))
    }

    fn mint(&mut self, key: &str) -> Option<String> {
        let key = Secret::from(key.to_owned());
        let principal = self.runtime.block_on(self.verifier.principal(&key)).ok()?;
        let request = MintRequest::new(principal, MintParameters::default());
        let token = self.mint.mint(&request).unwrap();
        Some(token.token.expose().to_owned())
    }

    fn deny(&mut self, token: &str) -> Outcome {
        let claims = claims(token);
        let id = |name: &str| claims[name].as_str().unwrap().parse::<Id>().unwrap();
        let denied = DeniedToken {
            issuer: URL.to_owned(),
            token: id("jti"),
            account: id("account"),
            expires_at: Timestamp::from_unix_seconds(claims["exp"].as_i64().unwrap()),
        };
        let result = self.registry.deny_token(&self.caller, denied);
        Self::outcome(self.runtime.block_on(result)).map_or_else(|o| o, |()| Outcome::Done)
    }

    fn accepts_key(&mut self, key: &str) -> bool {
        let key = Secret::from(key.to_owned());
        self.runtime.block_on(self.verifier.principal(&key)).is_ok()
    }

    fn accepts_token(&mut self, token: &str) -> bool {
        self.runtime.block_on(self.verifier.accepts_token(token))
    }

    fn advance(&mut self, seconds: u64) -> bool {
        self.clock.advance(Duration::from_secs(seconds));
        true
    }

    fn restart(&mut self) {
        let Some(home) = self.home.take() else {
            return;
        };
        self.runtime.block_on(async {
            home.store.maintain().await.unwrap();
            home.store.close().await.unwrap();
        });
        *self = Self::over(Arc::clone(&self.runtime), home.folder, self.clock.clone());
    }
}
