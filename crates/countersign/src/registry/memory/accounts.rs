use super::{MemoryRegistry, State};
use crate::directory::Status;
use crate::id::Id;
use crate::registry::backend::Placement;
use crate::registry::{
    Account, Caller, Conflict, Environment, NewEnvironment, Owner, RegistryError,
};

impl MemoryRegistry {
    pub(super) fn insert_account(
        &self,
        caller: &Caller,
        name: String,
    ) -> Result<Account, RegistryError> {
        let mut state = self.state_for_change(caller)?;
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
    }

    pub(super) fn end_account(&self, caller: &Caller, id: &Id) -> Result<Account, RegistryError> {
        let mut state = self.state_for_change(caller)?;
        let account = state.account(caller, id)?;
        if *id == self.default_account {
            return Err(Conflict::DefaultAccount.into());
        }
        if account.revoke()? {
            self.publish_account(account);
        }
        Ok(account.clone())
    }

    fn publish_account(&self, account: &Account) {
        self.directory
            .put_account(account.id, account.generation, account.status);
    }

    pub(super) fn insert_environment(
        &self,
        caller: &Caller,
        new: NewEnvironment,
    ) -> Result<Environment, RegistryError> {
        let mut state = self.state_for_change(caller)?;
        let owner = Owner {
            account: new.account,
            environment: None,
        };
        let account = state
            .placement(caller, owner, self.default_account)?
            .account;
        let mut present = state.environments.values();
        if present.any(|other| other.account_id == account && other.name == new.name) {
            return Err(RegistryError::NameTaken);
        }
        let id = self.new_id(&account)?;
        let environment = Environment::new(id, account, new.name, new.kind, self.clock.now());
        state.environments.insert(id, environment.clone());
        Ok(environment)
    }
}

impl State {
    /// Returns where a new object belongs. An environment must belong to the account.
    pub(super) fn placement(
        &mut self,
        caller: &Caller,
        owner: Owner,
        default: Id,
    ) -> Result<Placement, RegistryError> {
        let account = owner.account.or(caller.account().copied());
        let account = self.account(caller, &account.unwrap_or(default))?;
        if account.status == Status::Revoked {
            return Err(Conflict::Revoked.into());
        }
        let placement = Placement::account(account.id);
        let Some(id) = owner.environment else {
            return Ok(placement);
        };
        let found = self.environments.get(&id);
        found
            .filter(|environment| environment.account_id == placement.account)
            .map(|environment| placement.environment(id, environment.kind))
            .ok_or(RegistryError::NotFound)
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

    pub(super) fn generation(&self, account: &Id) -> u32 {
        let found = self.accounts.get(account);
        found.map_or(0, |account| account.generation)
    }
}
