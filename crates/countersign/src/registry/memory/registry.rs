use super::{FOREVER, MemoryRegistry};
use crate::directory::UserName;
use crate::id::Id;
use crate::registry::{
    Account, Caller, Change, CreatedKey, CredentialFilter, DeniedToken, Environment,
    NewEnvironment, NewKey, NewUser, Record, Registry, RegistryError, RegistryFuture, Rotation,
};

impl Registry for MemoryRegistry {
    fn create_key<'a>(&'a self, caller: &'a Caller, new: NewKey) -> RegistryFuture<'a, CreatedKey> {
        Box::pin(async move { self.insert_key(caller, new) })
    }

    fn create_user<'a>(&'a self, caller: &'a Caller, new: NewUser) -> RegistryFuture<'a, Record> {
        Box::pin(async move { self.insert_user(caller, new) })
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
            let mut state = self.state_for_change(caller)?;
            self.change_in(&mut state, caller, &id, &change)
        })
    }

    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        rotation: Rotation,
    ) -> RegistryFuture<'a, CreatedKey> {
        Box::pin(async move { self.replace_secret(caller, &id, rotation) })
    }

    fn deny_token<'a>(&'a self, caller: &'a Caller, token: DeniedToken) -> RegistryFuture<'a, ()> {
        Box::pin(async move {
            self.state_for_change(caller)?
                .account(caller, &token.account)?;
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
        Box::pin(async move { self.insert_account(caller, name) })
    }

    fn list_accounts<'a>(&'a self, caller: &'a Caller) -> RegistryFuture<'a, Vec<Account>> {
        Box::pin(async move {
            let state = self.state();
            let accounts = state.accounts.values();
            let accessible = accounts.filter(|account| caller.can_access(&account.id));
            Ok(accessible.cloned().collect())
        })
    }

    fn show_account<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Account> {
        Box::pin(async move { Ok(self.state().account(caller, &id)?.clone()) })
    }

    fn revoke_account<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Account> {
        Box::pin(async move { self.end_account(caller, &id) })
    }

    fn create_environment<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewEnvironment,
    ) -> RegistryFuture<'a, Environment> {
        Box::pin(async move { self.insert_environment(caller, new) })
    }

    fn list_environments<'a>(&'a self, caller: &'a Caller) -> RegistryFuture<'a, Vec<Environment>> {
        Box::pin(async move {
            let state = self.state();
            let environments = state.environments.values();
            let accessible = environments.filter(|other| caller.can_access(&other.account_id));
            Ok(accessible.cloned().collect())
        })
    }
}
