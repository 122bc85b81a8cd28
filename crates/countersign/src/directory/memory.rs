use std::fmt;

use crate::directory::{Credential, DenySet, Directory, StaleView, Status, UserName};
use crate::id::Id;

/// A table of credentials, read without a lock. It is never stale, so the code that fills it is
/// responsible for its freshness.
#[derive(Default)]
pub struct MemoryDirectory {
    credentials: papaya::HashMap<Id, Credential>,
    users: papaya::HashMap<UserName, Id>,
    /// Generation and status of accounts, which apply to all of their credentials.
    accounts: papaya::HashMap<Id, (u32, Status)>,
    denied: DenySet,
}

impl MemoryDirectory {
    /// Inserts a credential, or replaces an older version of it.
    pub fn put(&self, credential: Credential) {
        self.credentials.pin().insert(credential.id, credential);
    }

    /// Inserts a user, or replaces an older version of it.
    pub fn put_user(&self, name: UserName, credential: Credential) {
        let id = credential.id;
        // The credential first, so that no reader finds a name without one.
        self.put(credential);
        self.users.pin().insert(name, id);
    }

    /// Inserts an account, or replaces an older version of it. Its generation applies to all of its
    /// credentials; if it is revoked, so are they.
    pub fn put_account(&self, id: Id, generation: u32, status: Status) {
        self.accounts.pin().insert(id, (generation, status));
    }

    /// Removes a credential. Its tokens stay valid unless its generation is [`denied`](Self::denied) first.
    pub fn remove(&self, id: &Id) {
        let removed = self.credentials.pin().remove(id).is_some();
        if removed {
            self.users.pin().retain(|_, user| user != id);
        }
    }

    /// Returns the denials that apply in addition to the generations of credentials and accounts.
    #[must_use]
    pub const fn denied(&self) -> &DenySet {
        &self.denied
    }

    /// Returns the number of credentials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.credentials.len()
    }

    /// Returns whether there are no credentials.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
    }
}

impl Directory for MemoryDirectory {
    fn credential(&self, id: &Id) -> Option<Credential> {
        let found = self.credentials.pin().get(id).cloned();
        // Also looked up for an unknown id, so that the time does not show whether an id exists.
        let account = found.as_ref().map_or(*id, |found| found.account);
        let state = self.accounts.pin().get(&account).copied();
        let mut credential = found?;
        if let Some((generation, status)) = state {
            credential.account_generation = generation;
            if status == Status::Revoked {
                credential.status = Status::Revoked;
            }
        }
        Some(credential)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        let id = *self.users.pin().get(name)?;
        self.credential(&id)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        let credentials = self.credentials.pin();
        let accounts = self.accounts.pin();
        let present = match credentials.get(entity) {
            Some(credential) => Some(credential.generation),
            None => accounts.get(entity).map(|(generation, _)| *generation),
        };
        // The higher one, so that an inserted credential never removes a denial.
        present.max(self.denied.lowest_generation(entity))
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.denied.is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        Ok(())
    }
}

impl fmt::Debug for MemoryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryDirectory({} credentials)", self.len())
    }
}
