//! A registry without a database.

mod accounts;
mod credentials;
mod managed_tokens;
mod registry;
mod sessions;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::directory::{Directory as _, MemoryDirectory};
use crate::id::Id;
use crate::key::Peppers;
use crate::random::{Random, RandomError};
use crate::registry::backend::StoredCredential;
use crate::registry::{Account, Caller, Environment, RegistryError};
use crate::time::{Clock, Timestamp};
use managed_tokens::StoredResponse;
use sessions::StoredSession;

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
    state: Mutex<State>,
}

/// The maps are sorted by creation time, because ids are.
#[derive(Default)]
struct State {
    credentials: BTreeMap<Id, StoredCredential>,
    accounts: BTreeMap<Id, Account>,
    environments: BTreeMap<Id, Environment>,
    sessions: Vec<StoredSession>,
    responses: HashMap<(Id, String), StoredResponse>,
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
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the state for a change, if the caller is still valid.
    fn state_for_change(&self, caller: &Caller) -> Result<MutexGuard<'_, State>, RegistryError> {
        let state = self.state();
        let now = self.clock.now();
        let credential = caller.credential();
        let found = credential.and_then(|(id, _)| self.directory.credential(id));
        let token = caller.token();
        let token_is_valid = token.is_none_or(|token| token.is_still_valid(&*self.directory, now));
        if token_is_valid && caller.is_still_valid(found.as_ref(), now) {
            Ok(state)
        } else {
            Err(RegistryError::CallerRevoked)
        }
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
