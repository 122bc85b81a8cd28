use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::managed::Answer;
use super::sessions::OpenSession;
use crate::BoxFuture;
use crate::directory::{
    CredentialKind, Directory as _, EnvironmentKind, Issuers, MemoryDirectory, Networks, Status,
    StoredSecret, UserName,
};
use crate::id::Id;
use crate::key::Peppers;
use crate::random::{Random, RandomError};
use crate::registry::lifecycle::{ChangeEffect, StoredCredential};
use crate::registry::{
    Account, Caller, Change, Conflict, CreatedKey, CredentialFilter, DeniedToken, Environment,
    NewEnvironment, NewKey, NewUser, Owner, Record, Registry, RegistryError, Rotation,
};
use crate::scope::Scopes;
use crate::time::{Clock, Timestamp};

/// What is denied is never forgotten: a process does not live that long.
pub(super) const FOR_GOOD: Timestamp = Timestamp::from_unix_millis(i64::MAX);

/// Makes credentials that live as long as the process, and keeps a [`MemoryDirectory`] true to them.
///
/// There is no audit: whoever needs one needs a store.
pub struct MemoryRegistry {
    pub(super) directory: Arc<MemoryDirectory>,
    peppers: Peppers,
    pub(super) default_account: Id,
    pub(super) clock: Box<dyn Clock>,
    random: Box<dyn Random>,
    held: Mutex<Held>,
}

/// Ids sort by the time at which they were made.
#[derive(Default)]
pub(super) struct Held {
    pub(super) credentials: BTreeMap<Id, StoredCredential>,
    accounts: BTreeMap<Id, Account>,
    environments: BTreeMap<Id, Environment>,
    pub(super) sessions: Vec<OpenSession>,
    pub(super) answers: HashMap<(Id, String), Answer>,
}

impl MemoryRegistry {
    /// A registry with the account `default`, and keys of the prefix of `peppers`.
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
        let account = Account {
            id: Id::new_account(clock.now(), &random)?,
            name: "default".to_owned(),
            status: Status::Active,
            generation: 1,
            created_at: clock.now(),
        };
        directory.put_account(&account);
        let default_account = account.id;
        let mut held = Held::default();
        held.accounts.insert(account.id, account);
        Ok(Self {
            directory,
            peppers,
            default_account,
            clock: Box::new(clock),
            random: Box::new(random),
            held: Mutex::new(held),
        })
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a change: the caller must stand, and nothing comes between.
    pub(super) fn held_for(&self, caller: &Caller) -> Result<MutexGuard<'_, Held>, RegistryError> {
        let held = self.held();
        let found = caller
            .credential()
            .map(|(id, _)| self.directory.credential(id));
        let now = self.clock.now();
        let token = caller.token();
        let token_stands = token.is_none_or(|token| token.is_still_valid(&*self.directory, now));
        if token_stands && caller.is_still_valid(found.flatten().as_ref(), now) {
            Ok(held)
        } else {
            Err(RegistryError::CallerRevoked)
        }
    }

    pub(super) fn new_id(&self, account: &Id) -> Result<Id, RegistryError> {
        Id::new(self.clock.now(), account, &*self.random).map_err(RegistryError::unavailable)
    }

    fn make_key(&self, caller: &Caller, new: NewKey) -> Result<CreatedKey, RegistryError> {
        let mut held = self.held_for(caller)?;
        let account = held.owner(caller, new.owner, self.default_account)?;
        let id = self.new_id(&account)?;
        let issued = self
            .peppers
            .generate_key(&id, &*self.random)
            .map_err(RegistryError::unavailable)?;
        let proof = StoredSecret::Key(self.peppers.proof(&id, issued.secret.expose()));
        let record = Record {
            allow_from: new.allow_from,
            expires_at: new.expires_at,
            issuers: new.issuers,
            environment_id: new.owner.environment,
            environment_kind: held.kind(new.owner.environment),
            ..self.draft(id, CredentialKind::Key, account, new.name, new.scopes)
        };
        let kept = StoredCredential { record, proof };
        self.directory
            .put(kept.credential(held.generation(&account)));
        let record = kept.record.clone();
        held.credentials.insert(id, kept);
        Ok(CreatedKey { record, issued })
    }

    fn make_user(&self, caller: &Caller, new: NewUser) -> Result<Record, RegistryError> {
        let mut held = self.held_for(caller)?;
        let account = held.owner(caller, new.owner, self.default_account)?;
        if held.user(&new.name).is_some() {
            return Err(RegistryError::NameTaken);
        }
        let id = self.new_id(&account)?;
        let record = Record {
            issuers: new.issuers,
            environment_id: new.owner.environment,
            environment_kind: held.kind(new.owner.environment),
            ..self.draft(
                id,
                CredentialKind::User,
                account,
                new.name.to_string(),
                new.scopes,
            )
        };
        let proof = StoredSecret::Password(new.password_hash.expose().into());
        let kept = StoredCredential { record, proof };
        let credential = kept.credential(held.generation(&account));
        self.directory.put_user(new.name, credential);
        let record = kept.record.clone();
        held.credentials.insert(id, kept);
        Ok(record)
    }

    pub(super) fn draft(
        &self,
        id: Id,
        kind: CredentialKind,
        account_id: Id,
        name: String,
        scopes: Scopes,
    ) -> Record {
        let now = self.clock.now();
        Record {
            id,
            kind,
            name,
            account_id,
            environment_id: None,
            environment_kind: EnvironmentKind::Production,
            status: Status::Active,
            reason: None,
            scopes,
            allow_from: Networks::anywhere(),
            issuers: Issuers::all(),
            created_by: None,
            generation: 1,
            created_at: now,
            updated_at: now,
            expires_at: None,
            grace_until: None,
            last_used_at: None,
        }
    }

    fn apply(&self, caller: &Caller, id: &Id, change: &Change) -> Result<Record, RegistryError> {
        let mut held = self.held_for(caller)?;
        self.change_in(&mut held, caller, id, change)
    }

    pub(super) fn change_in(
        &self,
        held: &mut Held,
        caller: &Caller,
        id: &Id,
        change: &Change,
    ) -> Result<Record, RegistryError> {
        let kept = held.reach(caller, id)?;
        let effect = kept.change(change, self.clock.now())?;
        let kept = kept.clone();
        if effect == ChangeEffect::Deleted {
            let denied = self.directory.denied();
            denied.deny_below(*id, kept.record.generation, FOR_GOOD);
            self.directory.remove(id);
            held.credentials.remove(id);
        } else {
            let generation = held.generation(&kept.record.account_id);
            self.directory.put(kept.credential(generation));
        }
        Ok(kept.record)
    }

    fn renew(
        &self,
        caller: &Caller,
        id: &Id,
        rotation: Rotation,
    ) -> Result<CreatedKey, RegistryError> {
        let issued = self
            .peppers
            .generate_key(id, &*self.random)
            .map_err(RegistryError::unavailable)?;
        let mut held = self.held_for(caller)?;
        let kept = held.reach(caller, id)?;
        let now = self.clock.now();
        kept.rotate(issued.secret.expose(), rotation, &self.peppers, now)?;
        let kept = kept.clone();
        let generation = held.generation(&kept.record.account_id);
        self.directory.put(kept.credential(generation));
        let record = kept.record;
        Ok(CreatedKey { record, issued })
    }

    fn make_account(&self, caller: &Caller, name: String) -> Result<Account, RegistryError> {
        let mut held = self.held_for(caller)?;
        if caller.account().is_some() {
            return Err(RegistryError::NotFound);
        }
        if held.accounts.values().any(|account| account.name == name) {
            return Err(RegistryError::NameTaken);
        }
        let now = self.clock.now();
        let account = Account {
            id: Id::new_account(now, &*self.random).map_err(RegistryError::unavailable)?,
            name,
            status: Status::Active,
            generation: 1,
            created_at: now,
        };
        self.directory.put_account(&account);
        held.accounts.insert(account.id, account.clone());
        Ok(account)
    }

    fn end_account(&self, caller: &Caller, id: &Id) -> Result<Account, RegistryError> {
        let mut held = self.held_for(caller)?;
        let account = held.account(caller, id)?;
        if *id == self.default_account {
            return Err(Conflict::DefaultAccount.into());
        }
        if account.status != Status::Revoked {
            let next = account.generation.checked_add(1);
            account.generation = next.ok_or(Conflict::NoMoreGenerations)?;
            account.status = Status::Revoked;
            self.directory.put_account(account);
        }
        Ok(account.clone())
    }

    fn make_environment(
        &self,
        caller: &Caller,
        new: NewEnvironment,
    ) -> Result<Environment, RegistryError> {
        let mut held = self.held_for(caller)?;
        let owner = Owner {
            account: new.account,
            environment: None,
        };
        let account_id = held.owner(caller, owner, self.default_account)?;
        let same = |e: &&Environment| e.account_id == account_id && e.name == new.name;
        if held.environments.values().any(|e| same(&e)) {
            return Err(RegistryError::NameTaken);
        }
        let environment = Environment {
            id: self.new_id(&account_id)?,
            account_id,
            name: new.name,
            kind: new.kind,
            created_at: self.clock.now(),
        };
        let id = environment.id;
        held.environments.insert(id, environment.clone());
        Ok(environment)
    }
}

impl Held {
    /// The account that something new is to belong to; its environment, if it names one, must be the account's.
    pub(super) fn owner(
        &mut self,
        caller: &Caller,
        owner: Owner,
        default: Id,
    ) -> Result<Id, RegistryError> {
        let named = owner.account.or(caller.account().copied());
        let account = self.account(caller, &named.unwrap_or(default))?;
        if account.status == Status::Revoked {
            return Err(Conflict::Revoked.into());
        }
        let id = account.id;
        let foreign = |environment: &Id| {
            let known = self.environments.get(environment);
            known.is_none_or(|environment| environment.account_id != id)
        };
        if owner.environment.as_ref().is_some_and(foreign) {
            return Err(RegistryError::NotFound);
        }
        Ok(id)
    }

    fn account(&mut self, caller: &Caller, id: &Id) -> Result<&mut Account, RegistryError> {
        let found = self.accounts.get_mut(id);
        let reached = found.filter(|account| caller.reaches(&account.id));
        reached.ok_or(RegistryError::NotFound)
    }

    /// What an environment is for.
    pub(super) fn kind(&self, environment: Option<Id>) -> EnvironmentKind {
        let found = environment.and_then(|id| self.environments.get(&id));
        found.map_or(EnvironmentKind::Production, |found| found.kind)
    }

    pub(super) fn generation(&self, account: &Id) -> u32 {
        self.accounts.get(account).map_or(0, |a| a.generation)
    }

    pub(super) fn reach(
        &mut self,
        caller: &Caller,
        id: &Id,
    ) -> Result<&mut StoredCredential, RegistryError> {
        let found = self.credentials.get_mut(id);
        let reached = found.filter(|kept| caller.reaches(&kept.record.account_id));
        reached.ok_or(RegistryError::NotFound)
    }

    fn user(&self, name: &UserName) -> Option<&Record> {
        let mut records = self.credentials.values().map(|kept| &kept.record);
        records.find(|r| r.kind == CredentialKind::User && r.name == name.as_str())
    }

    fn list(&self, caller: &Caller, listing: CredentialFilter) -> Vec<Record> {
        let wanted = |record: &&Record| {
            record.kind == listing.kind
                && caller.reaches(&record.account_id)
                && listing.account.is_none_or(|id| record.account_id == id)
                && listing.after.is_none_or(|after| record.id > after)
        };
        let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
        let records = self.credentials.values().map(|kept| &kept.record);
        records.filter(wanted).take(limit).cloned().collect()
    }
}

impl Registry for MemoryRegistry {
    fn create_key<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewKey,
    ) -> BoxFuture<'a, Result<CreatedKey, RegistryError>> {
        Box::pin(async move { self.make_key(caller, new) })
    }

    fn create_user<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewUser,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move { self.make_user(caller, new) })
    }

    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        listing: CredentialFilter,
    ) -> BoxFuture<'a, Result<Vec<Record>, RegistryError>> {
        Box::pin(async move { Ok(self.held().list(caller, listing)) })
    }

    fn show<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move { Ok(self.held().reach(caller, &id)?.record.clone()) })
    }

    fn find_user<'a>(
        &'a self,
        caller: &'a Caller,
        name: UserName,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move {
            let held = self.held();
            let reached = held.user(&name).filter(|r| caller.reaches(&r.account_id));
            reached.cloned().ok_or(RegistryError::NotFound)
        })
    }

    fn change<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move { self.apply(caller, &id, &change) })
    }

    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        rotation: Rotation,
    ) -> BoxFuture<'a, Result<CreatedKey, RegistryError>> {
        Box::pin(async move { self.renew(caller, &id, rotation) })
    }

    fn deny_token<'a>(
        &'a self,
        caller: &'a Caller,
        token: DeniedToken,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(async move {
            self.held_for(caller)?.account(caller, &token.account)?;
            let denied = self.directory.denied();
            denied.deny_token(token.issuer.into(), token.token, FOR_GOOD);
            Ok(())
        })
    }

    fn create_account<'a>(
        &'a self,
        caller: &'a Caller,
        name: String,
    ) -> BoxFuture<'a, Result<Account, RegistryError>> {
        Box::pin(async move { self.make_account(caller, name) })
    }

    fn list_accounts<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<Vec<Account>, RegistryError>> {
        Box::pin(async move {
            let held = self.held();
            let reached = held.accounts.values().filter(|a| caller.reaches(&a.id));
            Ok(reached.cloned().collect())
        })
    }

    fn show_account<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Account, RegistryError>> {
        Box::pin(async move { Ok(self.held().account(caller, &id)?.clone()) })
    }

    fn revoke_account<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Account, RegistryError>> {
        Box::pin(async move { self.end_account(caller, &id) })
    }

    fn create_environment<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewEnvironment,
    ) -> BoxFuture<'a, Result<Environment, RegistryError>> {
        Box::pin(async move { self.make_environment(caller, new) })
    }

    fn list_environments<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<Vec<Environment>, RegistryError>> {
        Box::pin(async move {
            let held = self.held();
            let all = held.environments.values();
            let reached = all.filter(|e| caller.reaches(&e.account_id));
            Ok(reached.cloned().collect())
        })
    }
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRegistry")
            .field("default_account", &self.default_account)
            .finish_non_exhaustive()
    }
}
