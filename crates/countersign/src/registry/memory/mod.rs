//! A registry without a database.

mod managed_tokens;
mod registry;
mod sessions;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::directory::MemoryDirectory;
use crate::id::Id;
use crate::key::{IssuedKey, Peppers};
use crate::random::{Random, RandomError};
use crate::registry::{Account, Authority, Caller, RecordLimits, RegistryError};
use crate::time::{Clock, Timestamp};
use state::State;

/// Denials are never removed: a process does not run that long.
const FOREVER: Timestamp = Timestamp::from_unix_millis(i64::MAX);

/// Keeps credentials in memory until the process ends, and applies every change to a
/// [`MemoryDirectory`]. It has no audit log.
pub struct MemoryRegistry {
    directory: Arc<MemoryDirectory>,
    peppers: Peppers,
    default_account: Id,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
    limits: RecordLimits,
    state: Mutex<State>,
}

impl MemoryRegistry {
    /// Creates a registry with the account `default`, whose keys have the prefix of `peppers`.
    ///
    /// # Errors
    ///
    /// Returns [`RandomError`] if no random bytes are available for the account's id.
    pub fn new(
        directory: Arc<MemoryDirectory>,
        peppers: Peppers,
        clock: impl Clock,
        random: impl Random,
    ) -> Result<Self, RandomError> {
        let now = clock.now();
        let default_account = Id::new_account(now, &random)?;
        let account = Account::new(default_account, "default".to_owned(), now);
        directory.put_account(account.id, account.generation, account.status);
        let mut state = State::default();
        state.accounts.insert(default_account, account);
        Ok(Self {
            directory,
            peppers,
            default_account,
            clock: Box::new(clock),
            random: Box::new(random),
            limits: RecordLimits::default(),
            state: Mutex::new(state),
        })
    }

    /// Sets how many records callers may create.
    #[must_use]
    pub const fn with_limits(mut self, limits: RecordLimits) -> Self {
        self.limits = limits;
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the state for a change, and returns what the caller may give, if it is still valid.
    fn state_for_change<'a>(
        &self,
        caller: &'a Caller,
    ) -> Result<(MutexGuard<'_, State>, Authority<'a>), RegistryError> {
        let state = self.state();
        let authority = caller.authority_in(&*self.directory, self.clock.now())?;
        Ok((state, authority))
    }

    fn new_secret(&self, id: &Id) -> Result<IssuedKey, RegistryError> {
        let issued = self.peppers.generate_key(id, &*self.random);
        issued.map_err(RegistryError::unavailable)
    }

    fn new_id(&self, account: &Id) -> Result<Id, RegistryError> {
        Id::new(self.clock.now(), account, &*self.random).map_err(RegistryError::unavailable)
    }
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRegistry")
            .field("default_account", &self.default_account)
            .finish_non_exhaustive()
    }
}
