use std::fmt;

use crate::directory::{Credential, DenySet, Directory, StaleView, Status, UserName};
use crate::id::Id;

/// A table of credentials, read without a lock. It never grows stale: whoever fills it vouches.
#[derive(Default)]
pub struct MemoryDirectory {
    credentials: papaya::HashMap<Id, Credential>,
    users: papaya::HashMap<UserName, Id>,
    /// Accounts that were put in. What is said of one here counts for all of its credentials.
    accounts: papaya::HashMap<Id, (u32, Status)>,
    denied: DenySet,
}

impl MemoryDirectory {
    /// Puts a credential in, or in the place of an older version of itself.
    pub fn put(&self, credential: Credential) {
        self.credentials.pin().insert(credential.id, credential);
    }

    /// Puts a user in: its credential first, so that no reader finds a name without one.
    pub fn put_user(&self, name: UserName, credential: Credential) {
        let id = credential.id;
        self.put(credential);
        self.users.pin().insert(name, id);
    }

    /// Inserts an account, or replaces an older version of it. Its generation applies to all of its
    /// credentials; if it is revoked, so are they.
    pub fn put_account(&self, id: Id, generation: u32, status: Status) {
        self.accounts.pin().insert(id, (generation, status));
    }

    /// Takes a credential out. Put its generation into [`denied`](Self::denied) first: its tokens live on else.
    pub fn remove(&self, id: &Id) {
        let gone = self.credentials.pin().remove(id).is_some();
        if gone {
            self.users.pin().retain(|_, of| of != id);
        }
    }

    /// What is denied beyond what the credentials' own generations say.
    #[must_use]
    pub const fn denied(&self) -> &DenySet {
        &self.denied
    }

    /// How many credentials there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.credentials.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
    }
}

impl Directory for MemoryDirectory {
    fn credential(&self, id: &Id) -> Option<Credential> {
        let found = self.credentials.pin().get(id).cloned();
        // Looked up also for an id that nobody has, so that it takes as long.
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
        let held = credentials.get(entity).map(|c| c.generation);
        let held = held.or_else(|| {
            self.accounts
                .pin()
                .get(entity)
                .map(|(generation, _)| *generation)
        });
        // Whichever is higher: nothing that is put in takes a denial back.
        held.max(self.denied.lowest_generation(entity))
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
