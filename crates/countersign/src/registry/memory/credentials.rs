use super::{FOREVER, MemoryRegistry, State};
use crate::directory::{CredentialKind, UserName};
use crate::id::Id;
use crate::registry::backend::{ChangeEffect, StoredCredential};
use crate::registry::{
    Caller, Change, CreatedKey, CredentialFilter, NewKey, NewUser, Record, RegistryError, Rotation,
};

impl MemoryRegistry {
    pub(super) fn insert_key(
        &self,
        caller: &Caller,
        new: NewKey,
    ) -> Result<CreatedKey, RegistryError> {
        let mut state = self.state_for_change(caller)?;
        let placement = state.placement(caller, new.owner, self.default_account)?;
        let id = self.new_id(&placement.account)?;
        let issued = self
            .peppers
            .generate_key(&id, &*self.random)
            .map_err(RegistryError::unavailable)?;
        let digests = self.peppers.digests(&id, issued.secret.expose());
        let now = self.clock.now();
        let credential = StoredCredential::new_key(id, placement, new, digests, now);
        let record = self.insert(&mut state, credential);
        Ok(CreatedKey { record, issued })
    }

    pub(super) fn insert_user(
        &self,
        caller: &Caller,
        new: NewUser,
    ) -> Result<Record, RegistryError> {
        let mut state = self.state_for_change(caller)?;
        let placement = state.placement(caller, new.owner, self.default_account)?;
        if state.user(&new.name).is_some() {
            return Err(RegistryError::NameTaken);
        }
        let id = self.new_id(&placement.account)?;
        let name = new.name.clone();
        let user = StoredCredential::new_user(id, placement, new, self.clock.now());
        let generation = state.generation(&placement.account);
        self.directory.put_user(name, user.credential(generation));
        let record = user.record.clone();
        state.credentials.insert(id, user);
        Ok(record)
    }

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
        caller: &Caller,
        id: &Id,
        change: &Change,
    ) -> Result<Record, RegistryError> {
        let stored = state.credential(caller, id)?;
        let effect = stored.change(change, self.clock.now())?;
        let stored = stored.clone();
        if effect == ChangeEffect::Deleted {
            let denied = self.directory.denied();
            denied.deny_below(*id, stored.record.generation, FOREVER);
            self.directory.remove(id);
            state.credentials.remove(id);
            return Ok(stored.record);
        }
        Ok(self.insert(state, stored))
    }

    pub(super) fn replace_secret(
        &self,
        caller: &Caller,
        id: &Id,
        rotation: Rotation,
    ) -> Result<CreatedKey, RegistryError> {
        let issued = self
            .peppers
            .generate_key(id, &*self.random)
            .map_err(RegistryError::unavailable)?;
        let mut state = self.state_for_change(caller)?;
        let stored = state.credential(caller, id)?;
        let now = self.clock.now();
        stored.rotate(issued.secret.expose(), rotation, &self.peppers, now)?;
        let stored = stored.clone();
        let record = self.insert(&mut state, stored);
        Ok(CreatedKey { record, issued })
    }
}

impl State {
    pub(super) fn credential(
        &mut self,
        caller: &Caller,
        id: &Id,
    ) -> Result<&mut StoredCredential, RegistryError> {
        let found = self.credentials.get_mut(id);
        found
            .filter(|stored| caller.can_access(&stored.record.account_id))
            .ok_or(RegistryError::NotFound)
    }

    pub(super) fn user(&self, name: &UserName) -> Option<&Record> {
        self.records()
            .find(|record| record.kind == CredentialKind::User && record.name == name.as_str())
    }

    pub(super) fn list(&self, caller: &Caller, filter: CredentialFilter) -> Vec<Record> {
        let selected = |record: &&Record| {
            record.kind == filter.kind
                && caller.can_access(&record.account_id)
                && filter.account.is_none_or(|id| record.account_id == id)
                && filter.after.is_none_or(|after| record.id > after)
        };
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let records = self.records().filter(selected);
        records.take(limit).cloned().collect()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.credentials.values().map(|stored| &stored.record)
    }
}
