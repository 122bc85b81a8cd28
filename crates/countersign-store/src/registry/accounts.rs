//! The owners of new records, and the accounts that a caller can access.

use countersign::Id;
use countersign::directory::{CredentialKind, Status};
use countersign::registry::backend::Placement;
use countersign::registry::{Account, Authority, Caller, Conflict, Owner, RegistryError};

use crate::sql::{self, Connection};
use crate::state::State;
use crate::store::Inner;

/// Returns the account and the environment that a new credential belongs to. If none was named, that is the default
/// environment in the default account, and otherwise, and for managed tokens, the whole account.
pub(super) async fn placement(
    connection: &mut Connection,
    state: &State,
    authority: &Authority<'_>,
    owner: Owner,
    kind: CredentialKind,
) -> Result<Placement, RegistryError> {
    let account = account_for(connection, state, authority.caller(), owner.account).await?;
    let has_default = kind != CredentialKind::Token && account == state.account;
    let default = has_default.then_some(state.environment);
    let named = owner.environment.or(authority.default_environment());
    let placement = Placement::account(account);
    let Some(id) = named.or(default) else {
        return Ok(placement);
    };
    let kind = sql::accounts::find_environment_kind(connection, &account, &id).await?;
    Ok(placement.environment(id, kind.ok_or(RegistryError::NotFound)?))
}

/// Returns the account that a new record belongs to: the named one, else that of the caller, else the default one.
pub(super) async fn account_for(
    connection: &mut Connection,
    state: &State,
    caller: &Caller,
    named: Option<Id>,
) -> Result<Id, RegistryError> {
    let id = named.or(caller.account().copied());
    let id = id.unwrap_or(state.account);
    let account = reachable_account(connection, caller, &id).await?;
    match account.status {
        Status::Revoked => Err(Conflict::Revoked.into()),
        _ => Ok(account.id),
    }
}

pub(super) async fn reachable_account(
    connection: &mut Connection,
    caller: &Caller,
    id: &Id,
) -> Result<Account, RegistryError> {
    let found = sql::accounts::find(connection, id).await?;
    found
        .filter(|account| caller.can_access(&account.id))
        .ok_or(RegistryError::NotFound)
}

impl Inner {
    /// Returns an account after its revocation, which has not been written yet, and whether that changes it.
    pub(super) async fn plan_revocation(
        &self,
        connection: &mut Connection,
        caller: &Caller,
        id: &Id,
    ) -> Result<(Account, bool), RegistryError> {
        let mut account = reachable_account(connection, caller, id).await?;
        if account.id == self.state.account {
            return Err(Conflict::DefaultAccount.into());
        }
        let is_changed = account.revoke()?;
        Ok((account, is_changed))
    }
}
