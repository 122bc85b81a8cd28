//! The owners of new records, and the accounts that a caller can access.

use countersign::Id;
use countersign::directory::{EnvironmentKind, Status};
use countersign::registry::backend::Placement;
use countersign::registry::{Account, Authority, Caller, Conflict, Owner, RegistryError};

use crate::sqlite::{self, Connection};
use crate::transaction::Transaction;

/// Returns the account and the environment that a new credential belongs to. In the default account, the default
/// environment is used if none was named.
pub(super) async fn placement(
    transaction: &mut Transaction<'_>,
    authority: &Authority<'_>,
    owner: Owner,
) -> Result<Placement, RegistryError> {
    let state = transaction.state();
    let mut placement = whole_account_placement(transaction, authority, owner).await?;
    if placement.environment.is_none() && placement.account == state.account {
        let (account, id) = (state.account, state.environment);
        let kind = environment_kind(transaction.connection(), &account, &id).await?;
        placement = placement.environment(id, kind);
    }
    Ok(placement)
}

/// Returns the account and the environment that a new credential belongs to. Without an environment, it belongs to the
/// sandbox of the caller if that has one, otherwise to the whole account, the default one included.
pub(super) async fn whole_account_placement(
    transaction: &mut Transaction<'_>,
    authority: &Authority<'_>,
    owner: Owner,
) -> Result<Placement, RegistryError> {
    let account = account_for(transaction, authority.caller(), owner.account).await?;
    let placement = Placement::account(account);
    let Some(id) = owner.environment.or(authority.default_environment()) else {
        return Ok(placement);
    };
    let kind = environment_kind(transaction.connection(), &account, &id).await?;
    Ok(placement.environment(id, kind))
}

/// Returns the account that a new record belongs to: the named one, else that of the caller, else the default one.
pub(super) async fn account_for(
    transaction: &mut Transaction<'_>,
    caller: &Caller,
    named: Option<Id>,
) -> Result<Id, RegistryError> {
    let id = named.or(caller.account().copied());
    let id = id.unwrap_or(transaction.state().account);
    let account = reachable_account(transaction.connection(), caller, &id).await?;
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
    let found = sqlite::accounts::find(connection, id).await?;
    found
        .filter(|account| caller.can_access(&account.id))
        .ok_or(RegistryError::NotFound)
}

async fn environment_kind(
    connection: &mut Connection,
    account: &Id,
    id: &Id,
) -> Result<EnvironmentKind, RegistryError> {
    let kind = sqlite::accounts::find_environment_kind(connection, account, id).await?;
    kind.ok_or(RegistryError::NotFound)
}
