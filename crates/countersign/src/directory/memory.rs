//! A directory and a registry without a database.
//!
//! ```
//! use countersign::directory::memory::{MemoryDirectory, MemoryRegistry};
//! use countersign::directory::{Directory, NewKey, Registry, Status};
//! use countersign::key::{Pepper, Peppers};
//! use countersign::random::SystemRandom;
//! use countersign::time::SystemClock;
//! use std::sync::Arc;
//!
//! # tokio_test::block_on(async {
//! let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! let directory = Arc::new(MemoryDirectory::default());
//! let registry = MemoryRegistry::new(Arc::clone(&directory), peppers, SystemClock, SystemRandom)?;
//!
//! let new = NewKey { name: "ci".into(), scopes: "calls:read".parse()?, expires_at: None };
//! let key = registry.create_key(new).await?;
//! assert!(directory.credential(&key.record.id).is_some());
//!
//! registry.revoke(key.record.id).await?;
//! assert_eq!(directory.credential(&key.record.id).unwrap().status, Status::Revoked);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::BoxFuture;
use crate::directory::{
    CreatedKey, Credential, CredentialKind, Directory, NewKey, NewUser, Proof, Record, Registry,
    RegistryError, Stale, Status, UserName,
};
use crate::id::Id;
use crate::key::{self, KeyPrefix, Peppers};
use crate::random::{Random, RandomError};
use crate::time::{Clock, Timestamp};

/// A table of credentials, read without a lock. It never grows stale: whoever fills it vouches.
#[derive(Default)]
pub struct MemoryDirectory {
    credentials: papaya::HashMap<Id, Credential>,
    users: papaya::HashMap<UserName, Id>,
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
        self.credentials.pin().get(id).cloned()
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        let id = *self.users.pin().get(name)?;
        self.credential(&id)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.credentials.pin().get(entity).map(|c| c.generation)
    }

    fn vouch(&self) -> Result<(), Stale> {
        Ok(())
    }
}

impl fmt::Debug for MemoryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryDirectory({} credentials)", self.len())
    }
}

/// Makes credentials that live as long as the process, and keeps a [`MemoryDirectory`] true to them.
pub struct MemoryRegistry {
    directory: Arc<MemoryDirectory>,
    peppers: Peppers,
    prefix: KeyPrefix,
    account: Id,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
    records: Mutex<Vec<Record>>,
}

impl MemoryRegistry {
    /// A registry of one account, with keys of the default prefix.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when no random bytes can be had for the account's id.
    pub fn new(
        directory: Arc<MemoryDirectory>,
        peppers: Peppers,
        clock: impl Clock,
        random: impl Random,
    ) -> Result<Self, RandomError> {
        let account = Id::new_account(clock.now(), &random)?;
        Ok(Self {
            directory,
            peppers,
            prefix: KeyPrefix::default(),
            account,
            clock: Box::new(clock),
            random: Box::new(random),
            records: Mutex::default(),
        })
    }

    fn insert(&self, kind: CredentialKind, draft: Draft) -> Result<Record, RegistryError> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |r: &Record| r.kind == CredentialKind::User && r.name == draft.name;
        if kind == CredentialKind::User && records.iter().any(taken) {
            return Err(RegistryError::NameTaken);
        }
        let credential = Credential {
            id: draft.id,
            account: self.account,
            account_generation: 1,
            environment: None,
            generation: 1,
            status: Status::Active,
            scopes: draft.scopes,
            expires_at: draft.expires_at,
            proof: draft.proof,
        };
        let record = Record {
            id: credential.id,
            kind,
            name: draft.name,
            account_id: credential.account,
            environment_id: credential.environment,
            status: credential.status,
            scopes: credential.scopes.clone(),
            generation: credential.generation,
            created_at: draft.created_at,
            expires_at: credential.expires_at,
        };
        match draft.user {
            Some(name) => self.directory.put_user(name, credential),
            None => self.directory.put(credential),
        }
        records.push(record.clone());
        Ok(record)
    }

    fn draft_key(&self, new: NewKey) -> Result<CreatedKey, RegistryError> {
        let now = self.clock.now();
        let id = Id::new(now, &self.account, &*self.random).map_err(RegistryError::unavailable)?;
        let issued =
            key::generate(&self.prefix, &id, &*self.random).map_err(RegistryError::unavailable)?;
        let digest = self.peppers.digest(&id, issued.secret.expose());
        let draft = Draft {
            id,
            name: new.name,
            user: None,
            scopes: new.scopes,
            created_at: now,
            expires_at: new.expires_at,
            proof: Proof::Key(digest),
        };
        let record = self.insert(CredentialKind::Key, draft)?;
        Ok(CreatedKey { record, issued })
    }

    fn draft_user(&self, new: NewUser) -> Result<Record, RegistryError> {
        let now = self.clock.now();
        let id = Id::new(now, &self.account, &*self.random).map_err(RegistryError::unavailable)?;
        let draft = Draft {
            id,
            name: new.name.to_string(),
            user: Some(new.name),
            scopes: new.scopes,
            created_at: now,
            expires_at: None,
            proof: Proof::Password(new.password_hash.expose().into()),
        };
        self.insert(CredentialKind::User, draft)
    }

    fn find(&self, id: &Id) -> Result<Record, RegistryError> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let found = records.iter().find(|record| record.id == *id);
        found.cloned().ok_or(RegistryError::NotFound)
    }

    fn end(&self, id: &Id) -> Result<Record, RegistryError> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records
            .iter_mut()
            .find(|record| record.id == *id)
            .ok_or(RegistryError::NotFound)?;
        if record.status != Status::Revoked {
            record.status = Status::Revoked;
            record.generation = record.generation.saturating_add(1);
            if let Some(mut credential) = self.directory.credential(id) {
                credential.status = record.status;
                credential.generation = record.generation;
                self.directory.put(credential);
            }
        }
        Ok(record.clone())
    }
}

struct Draft {
    id: Id,
    name: String,
    user: Option<UserName>,
    scopes: crate::scope::Scopes,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    proof: Proof,
}

impl Registry for MemoryRegistry {
    fn create_key(&self, new: NewKey) -> BoxFuture<'_, Result<CreatedKey, RegistryError>> {
        Box::pin(async move { self.draft_key(new) })
    }

    fn create_user(&self, new: NewUser) -> BoxFuture<'_, Result<Record, RegistryError>> {
        Box::pin(async move { self.draft_user(new) })
    }

    fn list(&self, kind: CredentialKind) -> BoxFuture<'_, Result<Vec<Record>, RegistryError>> {
        Box::pin(async move {
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(records.iter().filter(|r| r.kind == kind).cloned().collect())
        })
    }

    fn show(&self, id: Id) -> BoxFuture<'_, Result<Record, RegistryError>> {
        Box::pin(async move { self.find(&id) })
    }

    fn revoke(&self, id: Id) -> BoxFuture<'_, Result<Record, RegistryError>> {
        Box::pin(async move { self.end(&id) })
    }
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRegistry")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
