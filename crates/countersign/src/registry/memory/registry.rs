use super::state::page as page_of;
use super::{FOREVER, MemoryRegistry, State};
use crate::directory::{StoredSecret, UserName};
use crate::id::Id;
use crate::key::ImportedKey;
use crate::registry::backend::{ChangeEffect, StoredCredential};
use crate::registry::{
    Account, Authority, Caller, Change, Conflict, CreatedKey, CredentialFilter, DeniedToken,
    Environment, NewEnvironment, NewKey, NewUser, Page, Record, Registry, RegistryError,
    RegistryFuture, Rotation,
};

impl MemoryRegistry {
    pub(super) fn insert(&self, state: &mut State, credential: StoredCredential) -> Record {
        let record = credential.record.clone();
        let generation = state.generation(&record.account_id);
        self.directory.put(credential.credential(generation));
        state.credentials.insert(record.id, credential);
        record
    }

    pub(super) fn change_in(
        &self,
        state: &mut State,
        authority: &Authority<'_>,
        id: &Id,
        change: &Change,
    ) -> Result<Record, RegistryError> {
        let stored = state.credential(authority.caller(), id)?;
        let effect = stored.change(authority, change, self.clock.now())?;
        let stored = stored.clone();
        if effect != ChangeEffect::Unchanged {
            self.revoke_created(state, authority, id, change.revokes_created_tokens())?;
        }
        if effect == ChangeEffect::Deleted {
            let denied = self.directory.denied();
            denied.deny_below(*id, stored.record.generation, FOREVER);
            self.directory.remove(id);
            state.credentials.remove(id);
            state.imported.remove(id);
            return Ok(stored.record);
        }
        Ok(self.insert(state, stored))
    }

    /// Revokes the managed tokens that a credential created, if there is a reason to.
    fn revoke_created(
        &self,
        state: &mut State,
        authority: &Authority<'_>,
        creator: &Id,
        reason: Option<&str>,
    ) -> Result<(), RegistryError> {
        let Some(reason) = reason else { return Ok(()) };
        for token in state.created_by(creator) {
            let reason = Some(reason.to_owned());
            self.change_in(state, authority, &token, &Change::Revoke { reason })?;
        }
        Ok(())
    }

    fn publish_account(&self, account: &Account) {
        self.directory
            .put_account(account.id, account.generation, account.status);
    }
}

impl Registry for MemoryRegistry {
    fn create_key<'a>(&'a self, caller: &'a Caller, new: NewKey) -> RegistryFuture<'a, CreatedKey> {
        Box::pin(async move {
            let (mut state, authority) = self.state_for_change(caller)?;
            let placement = state.placement(&authority, new.owner, self.default_account)?;
            state.check_credentials(self.limits.of(caller), &placement.account)?;
            let id = self.new_id(&placement.account)?;
            let issued = self.new_secret(&id)?;
            let secret = StoredSecret::Key(self.peppers.digests(&id, issued.secret.expose()));
            let now = self.clock.now();
            let key = StoredCredential::new_key(&authority, id, placement, new, secret, now)?;
            let record = self.insert(&mut state, key);
            Ok(CreatedKey { record, issued })
        })
    }

    fn import_key<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewKey,
        key: ImportedKey,
    ) -> RegistryFuture<'a, Record> {
        Box::pin(async move {
            let (mut state, authority) = self.state_for_change(caller)?;
            let placement = state.placement(&authority, new.owner, self.default_account)?;
            state.check_credentials(self.limits.of(caller), &placement.account)?;
            let digests = self.peppers.imported(&key);
            if digests.iter().any(|digest| state.is_imported(digest)) {
                return Err(Conflict::AlreadyImported.into());
            }
            let newest = *digests.first().ok_or(Conflict::PepperMissing)?;
            let secret = StoredSecret::ImportedKey(newest);
            let (id, now) = (self.new_id(&placement.account)?, self.clock.now());
            let key = StoredCredential::new_key(&authority, id, placement, new, secret, now)?;
            state.imported.insert(id, newest);
            Ok(self.insert(&mut state, key))
        })
    }

    fn create_user<'a>(&'a self, caller: &'a Caller, new: NewUser) -> RegistryFuture<'a, Record> {
        Box::pin(async move {
            let (mut state, authority) = self.state_for_change(caller)?;
            let placement = state.placement(&authority, new.owner, self.default_account)?;
            state.check_credentials(self.limits.of(caller), &placement.account)?;
            if state.user(&new.name).is_some() {
                return Err(RegistryError::NameTaken);
            }
            let (id, name) = (self.new_id(&placement.account)?, new.name.clone());
            let now = self.clock.now();
            let user = StoredCredential::new_user(&authority, id, placement, new, now)?;
            let generation = state.generation(&placement.account);
            self.directory.put_user(name, user.credential(generation));
            Ok(self.insert(&mut state, user))
        })
    }

    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        filter: CredentialFilter,
    ) -> RegistryFuture<'a, Vec<Record>> {
        Box::pin(async move { Ok(self.state().list(caller, filter)) })
    }

    fn show<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Record> {
        Box::pin(async move { Ok(self.state().credential(caller, &id)?.record.clone()) })
    }

    fn find_user<'a>(&'a self, caller: &'a Caller, name: UserName) -> RegistryFuture<'a, Record> {
        Box::pin(async move {
            let state = self.state();
            let found = state.user(&name);
            found
                .filter(|user| caller.can_access(&user.account_id))
                .cloned()
                .ok_or(RegistryError::NotFound)
        })
    }

    fn change<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
    ) -> RegistryFuture<'a, Record> {
        Box::pin(async move {
            let (mut state, authority) = self.state_for_change(caller)?;
            self.change_in(&mut state, &authority, &id, &change)
        })
    }

    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        rotation: Rotation,
    ) -> RegistryFuture<'a, CreatedKey> {
        Box::pin(async move {
            let issued = self.new_secret(&id)?;
            let (mut state, authority) = self.state_for_change(caller)?;
            let stored = state.credential(caller, &id)?;
            let (secret, now) = (issued.secret.expose(), self.clock.now());
            stored.rotate(&authority, secret, rotation, &self.peppers, now)?;
            let stored = stored.clone();
            let reason = rotation.revokes_created_tokens();
            self.revoke_created(&mut state, &authority, &id, reason)?;
            let record = self.insert(&mut state, stored);
            Ok(CreatedKey { record, issued })
        })
    }

    fn deny_token<'a>(&'a self, caller: &'a Caller, token: DeniedToken) -> RegistryFuture<'a, ()> {
        Box::pin(async move {
            let (mut state, _) = self.state_for_change(caller)?;
            state.account(caller, &token.account)?;
            let denied = self.directory.denied();
            denied.deny_token(token.issuer.into(), token.token, FOREVER);
            Ok(())
        })
    }

    fn create_account<'a>(
        &'a self,
        caller: &'a Caller,
        name: String,
    ) -> RegistryFuture<'a, Account> {
        Box::pin(async move {
            let (mut state, _) = self.state_for_change(caller)?;
            if caller.account().is_some() {
                return Err(RegistryError::NotFound);
            }
            if state.accounts.values().any(|account| account.name == name) {
                return Err(RegistryError::NameTaken);
            }
            let now = self.clock.now();
            let id = Id::new_account(now, &*self.random).map_err(RegistryError::unavailable)?;
            let account = Account::new(id, name, now);
            self.publish_account(&account);
            state.accounts.insert(id, account.clone());
            Ok(account)
        })
    }

    fn list_accounts<'a>(
        &'a self,
        caller: &'a Caller,
        page: Page,
    ) -> RegistryFuture<'a, Vec<Account>> {
        Box::pin(async move {
            let state = self.state();
            let accounts = state.accounts.values();
            let accessible = accounts.filter(|account| caller.can_access(&account.id));
            Ok(page_of(accessible, page, |account| account.id))
        })
    }

    fn show_account<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Account> {
        Box::pin(async move { Ok(self.state().account(caller, &id)?.clone()) })
    }

    fn revoke_account<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Account> {
        Box::pin(async move {
            let (mut state, _) = self.state_for_change(caller)?;
            let account = state.account(caller, &id)?;
            if id == self.default_account {
                return Err(Conflict::DefaultAccount.into());
            }
            if account.revoke()? {
                self.publish_account(account);
            }
            Ok(account.clone())
        })
    }

    fn create_environment<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewEnvironment,
    ) -> RegistryFuture<'a, Environment> {
        Box::pin(async move {
            let (mut state, authority) = self.state_for_change(caller)?;
            let account = state.account_for(caller, new.account, self.default_account)?;
            state.check_environments(self.limits.of(caller), &account)?;
            let mut present = state.environments.values();
            if present.any(|other| other.account_id == account && other.name == new.name) {
                return Err(RegistryError::NameTaken);
            }
            let (id, now) = (self.new_id(&account)?, self.clock.now());
            let environment = Environment::create(&authority, id, account, new, now)?;
            state.environments.insert(id, environment.clone());
            Ok(environment)
        })
    }

    fn list_environments<'a>(
        &'a self,
        caller: &'a Caller,
        account: Option<Id>,
        page: Page,
    ) -> RegistryFuture<'a, Vec<Environment>> {
        Box::pin(async move {
            let state = self.state();
            let environments = state.environments.values();
            let accessible = environments.filter(|other| {
                caller.can_access(&other.account_id)
                    && account.is_none_or(|account| other.account_id == account)
            });
            Ok(page_of(accessible, page, |environment| environment.id))
        })
    }
}
