use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::table;
use crate::directory::compact::{CommonParts, CompactCredential};
use crate::directory::{
    Credential, DenySet, Directory, StaleView, Status, StoredSecret, UserName, password_hash,
};
use crate::id::{HashIds, Id};
use crate::key::KeyDigest;

/// A table of credentials, read without a lock. It is never stale, so the code that fills it is
/// responsible for its freshness.
pub struct MemoryDirectory {
    credentials: papaya::HashMap<Id, CompactCredential, HashIds>,
    parts: CommonParts,
    users: papaya::HashMap<UserName, Id>,
    /// Imported keys by the digest of the whole key.
    imported: papaya::HashMap<[u8; 32], Id>,
    /// The password hash that takes longest, with its cost.
    costliest_password: ArcSwapOption<(u64, Arc<str>)>,
    /// Generation and status of accounts, which apply to all of their credentials.
    accounts: papaya::HashMap<Id, (u32, Status), HashIds>,
    denied: DenySet,
}

impl Default for MemoryDirectory {
    fn default() -> Self {
        Self {
            credentials: table::new(),
            parts: CommonParts::default(),
            users: table::new(),
            imported: table::new(),
            costliest_password: ArcSwapOption::empty(),
            accounts: table::new(),
            denied: DenySet::default(),
        }
    }
}

impl MemoryDirectory {
    /// Inserts a credential, or replaces an older version of it.
    pub fn put(&self, credential: Credential) {
        let id = credential.id;
        if let StoredSecret::Password(hash) = &credential.secret
            && let Some(cost) = password_hash::cost(hash)
        {
            self.costliest_password.rcu(|known| {
                let known = known.clone().filter(|known| known.0 >= cost);
                known.or_else(|| Some(Arc::new((cost, Arc::clone(hash)))))
            });
        }
        let credential = CompactCredential::new(credential, &self.parts);
        let digest = credential.imported_digest();
        let credentials = self.credentials.pin();
        // The credential first, so that no reader finds a digest without one.
        let replaced = credentials.insert(id, credential);
        let replaced = replaced.and_then(CompactCredential::imported_digest);
        if let Some(digest) = digest {
            self.imported.pin().insert(digest, id);
        }
        if let Some(replaced) = replaced.filter(|replaced| digest != Some(*replaced)) {
            self.imported.pin().remove(&replaced);
        }
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
        let credentials = self.credentials.pin();
        if let Some(removed) = credentials.remove(id) {
            self.users.pin().retain(|_, user| user != id);
            if let Some(digest) = removed.imported_digest() {
                self.imported.pin().remove(&digest);
            }
        }
    }

    /// Returns the denials that apply in addition to the generations of credentials and accounts.
    #[must_use]
    pub const fn denied(&self) -> &DenySet {
        &self.denied
    }

    /// Calls a function for each credential, in no order.
    pub fn for_each(&self, mut f: impl FnMut(Credential)) {
        let accounts = self.accounts.pin();
        for (id, stored) in &self.credentials.pin() {
            let state = accounts.get(&stored.account()).copied();
            f(credential(id, stored, state));
        }
    }

    /// Returns the generation and the status of an account.
    #[must_use]
    pub fn account(&self, id: &Id) -> Option<(u32, Status)> {
        self.accounts.pin().get(id).copied()
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

/// Returns a stored credential with the generation and the status of its account.
fn credential(id: &Id, stored: &CompactCredential, state: Option<(u32, Status)>) -> Credential {
    let mut credential = stored.credential(*id);
    if let Some((generation, status)) = state {
        credential.account_generation = generation;
        if status == Status::Revoked {
            credential.status = Status::Revoked;
        }
    }
    credential
}

impl Directory for MemoryDirectory {
    fn credential(&self, id: &Id) -> Option<Credential> {
        let credentials = self.credentials.pin();
        let found = credentials.get(id);
        // Also looked up for an unknown id, so that the time does not show whether an id exists.
        let account = found.map_or(*id, CompactCredential::account);
        let state = self.accounts.pin().get(&account).copied();
        Some(credential(id, found?, state))
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        let id = *self.users.pin().get(name)?;
        self.credential(&id)
    }

    fn costliest_password(&self) -> Option<Arc<str>> {
        let costliest = self.costliest_password.load();
        costliest.as_ref().map(|known| Arc::clone(&known.1))
    }

    fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        let id = *self.imported.pin().get(digest.digest.as_bytes())?;
        let found = self.credential(&id);
        // The credential may have been replaced meanwhile.
        found.filter(|found| {
            matches!(&found.secret, StoredSecret::ImportedKey(stored)
                if stored.digest.as_bytes() == digest.digest.as_bytes())
        })
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        let credentials = self.credentials.pin();
        let present = match credentials.get(entity) {
            Some(credential) => Some(credential.generation()),
            None => {
                let accounts = self.accounts.pin();
                accounts.get(entity).map(|(generation, _)| *generation)
            }
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
