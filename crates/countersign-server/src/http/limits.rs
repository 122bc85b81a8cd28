//! What limits the requests of clients, and what it has counted. It stays when the configuration is read again, so that a
//! client does not begin anew.

use std::num::NonZero;
use std::sync::Arc;

use countersign::Id;
use countersign::limit::RateLimit;
use countersign::mechanism::FailureLimit;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;
use countersign_cli::config::{LimitSettings, Rate};
use countersign_cli::error::CommandError;
use countersign_wire::CredentialLimit;

use super::feed::FeedLimits;

/// The limits of the server. Clones share what is counted.
#[derive(Clone)]
pub(crate) struct Limits {
    settings: LimitSettings,
    pub(super) failures: FailureLimit,
    pub(super) hasher: PasswordHasher,
    /// Counts the tokens of a credential at all issuers and wires together.
    pub(super) mints: CredentialLimit,
    /// Counts the requests of a credential that end sessions or revoke tokens.
    pub(super) writes: CredentialLimit,
    pub(super) introspections: CredentialLimit,
    /// Counts the requests of an administrator.
    pub(super) administration: Arc<RateLimit<Id>>,
    /// Counts the verifiers that wait for changes.
    pub(super) feed: FeedLimits,
}

impl Limits {
    /// Creates limits that have counted nothing.
    pub(crate) fn new(settings: &LimitSettings) -> Result<Self, CommandError> {
        let limit = |policy, rate: Rate| CredentialLimit::new(policy, rate.burst, rate.per);
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let hasher = PasswordHasher::new(cores, SystemRandom)
            .map_err(|error| CommandError::new(format!("passwords cannot be verified: {error}")))?;
        let failures = settings.failed_authentications;
        let writes = settings.writes;
        Ok(Self {
            settings: settings.clone(),
            failures: FailureLimit::new(failures.burst, failures.per),
            hasher,
            mints: limit("mints", settings.mints),
            writes: limit("writes", writes),
            introspections: limit("introspections", settings.introspections),
            administration: Arc::new(RateLimit::new(writes.burst, writes.per)),
            feed: FeedLimits::default(),
        })
    }

    /// Returns the limits of new settings, which are the same ones if the settings are.
    pub(crate) fn or_new(&self, settings: &LimitSettings) -> Result<Self, CommandError> {
        match self.settings == *settings {
            true => Ok(self.clone()),
            false => Self::new(settings),
        }
    }
}
