use std::collections::{BTreeMap, HashMap};

use super::managed_tokens::StoredResponse;
use super::sessions::StoredSession;
use crate::directory::{CredentialKind, Status, UserName};
use crate::id::Id;
use crate::registry::backend::{Placement, StoredCredential};
use crate::registry::{
    Account, Authority, Caller, Conflict, CredentialFilter, Environment, Owner, Record,
    RegistryError,
};

/// The records of a registry. The maps are sorted by creation time, because ids are.
#[derive(Default)]
pub(super) struct State {
    pub(super) credentials: BTreeMap<Id, StoredCredential>,
    pub(super) accounts: BTreeMap<Id, Account>,
    pub(super) environments: BTreeMap<Id, Environment>,
    pub(super) sessions: Vec<StoredSession>,
    pub(super) responses: HashMap<(Id, String), StoredResponse>,
}

impl State {
    /// Returns where a new credential belongs. An environment must belong to the account.
    pub(super) fn placement(
        &mut self,
        authority: &Authority<'_>,
        owner: Owner,
        default: Id,
    ) -> Result<Placement, RegistryError> {
        let account = self.account_for(authority.caller(), owner.account, default)?;
        let placement = Placement::account(account);
        let Some(id) = owner.environment.or(authority.default_environment()) else {
            return Ok(placement);
        };
        let found = self.environments.get(&id);
        found
            .filter(|environment| environment.account_id == account)
            .map(|environment| placement.environment(id, environment.kind))
            .ok_or(RegistryError::NotFound)
    }

    /// Returns the account that a new object belongs to.
    pub(super) fn account_for(
        &mut self,
        caller: &Caller,
        named: Option<Id>,
        default: Id,
    ) -> Result<Id, RegistryError> {
        let account = named.or(caller.account().copied());
        let account = self.account(caller, &account.unwrap_or(default))?;
        if account.status == Status::Revoked {
            return Err(Conflict::Revoked.into());
        }
        Ok(account.id)
    }

    pub(super) fn account(
        &mut self,
        caller: &Caller,
        id: &Id,
    ) -> Result<&mut Account, RegistryError> {
        let found = self.accounts.get_mut(id);
        found
            .filter(|account| caller.can_access(&account.id))
            .ok_or(RegistryError::NotFound)
    }

    /// Returns the managed tokens that a credential created, without those that are revoked.
    pub(super) fn created_by(&self, creator: &Id) -> Vec<Id> {
        let created = self.credentials.values().map(|stored| &stored.record);
        let created = created.filter(|record| {
            record.status != Status::Revoked && record.created_by.as_ref() == Some(creator)
        });
        created.map(|record| record.id).collect()
    }

    pub(super) fn generation(&self, account: &Id) -> u32 {
        let found = self.accounts.get(account);
        found.map_or(0, |account| account.generation)
    }

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
                && filter
                    .created_by
                    .is_none_or(|id| record.created_by == Some(id))
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
