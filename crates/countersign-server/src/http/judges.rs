//! Who is let in: mechanisms over one issuer's view of credentials, or over the whole server's.

use std::num::NonZero;
use std::sync::Arc;

use countersign::auth::{AuthBuilder, AuthLayer, PrimaryAuthenticator};
use countersign::directory::Directory;
use countersign::key::Peppers;
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, FailureLimit, Jwt};
use countersign::random::SystemRandom;
use countersign::token::TrustedIssuer;
use countersign_store::Store;

use crate::config::Config;
use crate::failure::Failure;

/// What all that judge share, whatever their issuer: whoever guesses at one endpoint has guessed at every other, and
/// so many passwords are hashed at once, and no more.
#[derive(Clone)]
pub(super) struct Shared {
    peppers: Peppers,
    failures: FailureLimit,
    hasher: PasswordHasher,
}

impl Shared {
    pub(super) fn new(config: &Config, store: &Store) -> Result<Self, Failure> {
        let rate = config.limits.failed_authentications;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let hasher = PasswordHasher::new(cores, &SystemRandom)
            .map_err(|error| Failure::new(format!("passwords cannot be checked: {error}")))?;
        Ok(Self {
            peppers: store.peppers(),
            failures: FailureLimit::new(rate.burst, rate.per),
            hasher,
        })
    }

    pub(super) fn hasher(&self) -> PasswordHasher {
        self.hasher.clone()
    }

    /// Those that ask `directory`.
    pub(super) fn over(&self, directory: Arc<dyn Directory>) -> Judges {
        Judges {
            shared: self.clone(),
            directory,
        }
    }
}

/// The mechanisms over one directory.
pub(super) struct Judges {
    shared: Shared,
    directory: Arc<dyn Directory>,
}

impl Judges {
    fn keys(&self) -> ApiKeys {
        let keys = ApiKeys::new(Arc::clone(&self.directory), self.shared.peppers.clone());
        keys.failure_limit(self.shared.failures.clone())
    }

    /// Ids of keys with their secrets.
    fn pairs(&self) -> Basic {
        let pairs = Basic::new(Arc::clone(&self.directory), self.shared.peppers.clone());
        pairs.failure_limit(self.shared.failures.clone())
    }

    /// Keys, whole or as a pair: passwords are not for clients.
    pub(super) fn clients(&self) -> Result<PrimaryAuthenticator, Failure> {
        let builder = PrimaryAuthenticator::builder().primary(self.keys());
        Ok(builder.primary(self.pairs()).build()?)
    }

    /// Keys and users.
    pub(super) fn primary(&self) -> Result<PrimaryAuthenticator, Failure> {
        let users = self.pairs().passwords(self.shared.hasher.clone());
        let builder = PrimaryAuthenticator::builder().primary(self.keys());
        Ok(builder.primary(users).build()?)
    }

    /// Keys, users, and tokens of these issuers.
    pub(super) fn any(&self, issuers: impl IntoIterator<Item = TrustedIssuer>) -> AuthBuilder {
        let users = self.pairs().passwords(self.shared.hasher.clone());
        AuthLayer::builder()
            .mechanism(Jwt::new(issuers))
            .primary(self.keys())
            .primary(users)
    }
}
