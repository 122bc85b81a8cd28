//! The store as a registry. What each call does is beside what it changes: `credentials`, `accounts`.

use countersign::directory::UserName;
use countersign::registry::{
    Account, Caller, Change, CreatedKey, CredentialFilter, DeniedToken, Environment,
    NewEnvironment, NewKey, NewUser, Record, Registry, RegistryError, Rotation,
};
use countersign::{BoxFuture, Id};

use crate::store::Store;

impl Registry for Store {
    fn create_key<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewKey,
    ) -> BoxFuture<'a, Result<CreatedKey, RegistryError>> {
        Box::pin(self.0.create_key(caller, new))
    }

    fn create_user<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewUser,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(self.0.create_user(caller, new))
    }

    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        listing: CredentialFilter,
    ) -> BoxFuture<'a, Result<Vec<Record>, RegistryError>> {
        Box::pin(self.0.list(caller, listing))
    }

    fn show<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move { self.0.show(caller, &id).await })
    }

    fn find_user<'a>(
        &'a self,
        caller: &'a Caller,
        name: UserName,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move { self.0.find_user(caller, &name).await })
    }

    fn change<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        Box::pin(async move { self.0.change(caller, &id, &change).await })
    }

    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        rotation: Rotation,
    ) -> BoxFuture<'a, Result<CreatedKey, RegistryError>> {
        Box::pin(async move { self.0.rotate(caller, &id, rotation).await })
    }

    fn deny_token<'a>(
        &'a self,
        caller: &'a Caller,
        token: DeniedToken,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(async move { self.0.deny_token(caller, &token).await })
    }

    fn create_account<'a>(
        &'a self,
        caller: &'a Caller,
        name: String,
    ) -> BoxFuture<'a, Result<Account, RegistryError>> {
        Box::pin(self.0.create_account(caller, name))
    }

    fn list_accounts<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<Vec<Account>, RegistryError>> {
        Box::pin(async move { Ok(self.0.list_accounts(caller).await?) })
    }

    fn show_account<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Account, RegistryError>> {
        Box::pin(async move { self.0.show_account(caller, &id).await })
    }

    fn revoke_account<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Account, RegistryError>> {
        Box::pin(async move { self.0.revoke_account(caller, &id).await })
    }

    fn create_environment<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewEnvironment,
    ) -> BoxFuture<'a, Result<Environment, RegistryError>> {
        Box::pin(self.0.create_environment(caller, new))
    }

    fn list_environments<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<Vec<Environment>, RegistryError>> {
        Box::pin(async move { Ok(self.0.list_environments(caller).await?) })
    }
}
