use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;

use super::managed_tokens::StoredResponse;
use super::sessions::StoredSession;
use crate::directory::{CredentialKind, Status, UserName};
use crate::id::Id;
use crate::key::KeyDigest;
use crate::registry::backend::{Placement, StoredCredential};
use crate::registry::{
    Account, Authority, Caller, Conflict, CredentialFilter, Environment, Owner, Page, Record,
    RecordLimits, RegistryError,
};

/// The records of a registry. The maps are sorted by creation time, because ids are.
#[derive(Default)]
pub(super) struct State {
    pub(super) credentials: BTreeMap<Id, StoredCredential>,
    pub(super) accounts: BTreeMap<Id, Account>,
    pub(super) environments: BTreeMap<Id, Environment>,
    /// The digests by which keys were imported, even if their secrets were rotated since.
    pub(super) imported: BTreeMap<Id, KeyDigest>,
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
        let created = created
            .filter(|record| is_token_of(record, creator) && record.status != Status::Revoked);
        created.map(|record| record.id).collect()
    }

    /// Returns an error if an account has as many keys and users as it may have.
    pub(super) fn check_credentials(
        &self,
        limits: Option<&RecordLimits>,
        account: &Id,
    ) -> Result<(), Conflict> {
        let Some(limits) = limits else { return Ok(()) };
        let of_account = self
            .records()
            .filter(|record| record.kind != CredentialKind::Token && record.account_id == *account);
        check(of_account, limits.credentials, Conflict::TooManyCredentials)
    }

    /// Returns an error if a credential has created as many managed tokens as it may.
    pub(super) fn check_managed_tokens(
        &self,
        limits: Option<&RecordLimits>,
        caller: &Caller,
    ) -> Result<(), Conflict> {
        let (Some(limits), Some(creator)) = (limits, caller.credential()) else {
            return Ok(());
        };
        let created = self.records().filter(|record| is_token_of(record, creator));
        let limit = limits.managed_tokens;
        check(created, limit, Conflict::TooManyManagedTokens)
    }

    /// Returns an error if an account has as many environments as it may have.
    pub(super) fn check_environments(
        &self,
        limits: Option<&RecordLimits>,
        account: &Id,
    ) -> Result<(), Conflict> {
        let Some(limits) = limits else { return Ok(()) };
        let environments = self.environments.values();
        let of_account = environments.filter(|environment| environment.account_id == *account);
        let limit = limits.environments;
        check(of_account, limit, Conflict::TooManyEnvironments)
    }

    /// Returns whether a key was imported by this digest.
    pub(super) fn is_imported(&self, digest: &KeyDigest) -> bool {
        let bytes = |digest: &KeyDigest| (digest.pepper, *digest.digest.as_bytes());
        let mut imported = self.imported.values();
        imported.any(|known| bytes(known) == bytes(digest))
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
        };
        page(self.records().filter(selected), filter.page, |record| {
            record.id
        })
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.credentials.values().map(|stored| &stored.record)
    }
}

/// Returns the items of a page of a list that is sorted by id.
pub(super) fn page<'a, T: Clone + 'a>(
    items: impl Iterator<Item = &'a T>,
    page: Page,
    id: impl Fn(&T) -> Id,
) -> Vec<T> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let items = items.filter(|item| page.after.is_none_or(|after| id(item) > after));
    items.take(limit).cloned().collect()
}

/// Returns whether a record is that of a managed token that a credential created.
fn is_token_of(record: &Record, creator: &Id) -> bool {
    record.kind == CredentialKind::Token && record.created_by.as_ref() == Some(creator)
}

fn check<T>(
    present: impl Iterator<Item = T>,
    limit: NonZeroU32,
    error: fn(NonZeroU32) -> Conflict,
) -> Result<(), Conflict> {
    let most = usize::try_from(limit.get()).unwrap_or(usize::MAX);
    match present.take(most).count() == most {
        true => Err(error(limit)),
        false => Ok(()),
    }
}
