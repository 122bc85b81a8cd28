//! Changes of credentials within a transaction.

use countersign::Id;
use countersign::directory::CredentialKind;
use countersign::registry::backend::{ChangeEffect, StoredCredential};
use countersign::registry::{Authority, Caller, Change, Record, RegistryError};
use countersign::time::Timestamp;

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::ChangedEntity;
use crate::sql::denials::Denied;
use crate::sql::{self, Connection};
use crate::store::Inner;
use crate::transaction::Transaction;

/// Returns the credential if the caller can access it.
pub(super) fn reachable(
    caller: &Caller,
    found: Option<StoredCredential>,
) -> Result<StoredCredential, RegistryError> {
    found
        .filter(|found| caller.can_access(&found.record.account_id))
        .ok_or(RegistryError::NotFound)
}

/// Inserts a new credential, and commits.
pub(super) async fn insert(
    mut transaction: Transaction<'_>,
    caller: &Caller,
    credential: StoredCredential,
) -> Result<Record, RegistryError> {
    let record = &credential.record;
    sql::credentials::save(transaction.connection(), &credential).await?;
    let mut entry = AuditRecord::by(caller, action(record.kind, "create"))
        .about(record.account_id, record.id)
        .with("scopes", record.scopes.as_str());
    if record.kind != CredentialKind::Token {
        entry = entry.with("name", record.name.as_str());
    }
    transaction.append_audit(entry).await?;
    transaction.changed(ChangedEntity::Credential(record.id));
    transaction.commit().await?;
    Ok(credential.record)
}

/// Returns a credential after a change that has not been written yet.
pub(super) async fn plan(
    connection: &mut Connection,
    authority: &Authority<'_>,
    id: &Id,
    change: &Change,
    now: Timestamp,
) -> Result<(StoredCredential, ChangeEffect), RegistryError> {
    let found = sql::credentials::find(connection, id).await?;
    let mut credential = reachable(authority.caller(), found)?;
    let effect = credential.change(authority, change, now)?;
    Ok((credential, effect))
}

impl Inner {
    /// Returns the record of a credential if a change has no effect. No other change waits for this.
    pub(super) async fn unchanged(
        &self,
        caller: &Caller,
        id: &Id,
        change: &Change,
    ) -> Result<Option<Record>, RegistryError> {
        let (mut reader, authority) = self.look_for(caller).await?;
        let now = self.state.clock.now();
        let (credential, effect) = plan(&mut reader, &authority, id, change, now).await?;
        Ok((effect == ChangeEffect::Unchanged).then_some(credential.record))
    }

    /// Begins the transaction of a change.
    pub(super) async fn begin_change<'c>(
        &self,
        caller: &'c Caller,
        change: &Change,
    ) -> Result<(Transaction<'_>, Authority<'c>), StoreError> {
        match change {
            Change::Suspend | Change::Revoke { .. } => self.begin_revocation(caller).await,
            _ => self.begin_for(caller).await,
        }
    }
}

/// Changes a credential, and returns its record after the change.
pub(super) async fn change(
    transaction: &mut Transaction<'_>,
    authority: &Authority<'_>,
    id: &Id,
    change: &Change,
) -> Result<Record, RegistryError> {
    let (caller, now) = (authority.caller(), transaction.now);
    let planned = plan(transaction.connection(), authority, id, change, now).await?;
    let (credential, effect) = planned;
    let entry = AuditRecord::by(caller, action(credential.record.kind, change.name()));
    let entry = match change {
        Change::Scopes(scopes) => entry.with("scopes", scopes.as_str()),
        Change::Revoke {
            reason: Some(reason),
        } => entry.with("reason", reason.as_str()),
        _ => entry,
    };
    let reason = change.revokes_created_tokens();
    let reason = reason.filter(|_| effect != ChangeEffect::Unchanged);
    let entry = revoke_created(transaction, id, reason, entry).await?;
    write(transaction, effect, &credential, entry).await?;
    Ok(credential.record)
}

/// Revokes the managed tokens that a credential created, if there is a reason to, and adds how many these are to the
/// record of the audit log. There may be very many: they are one change, with one record.
pub(super) async fn revoke_created(
    transaction: &mut Transaction<'_>,
    creator: &Id,
    reason: Option<&str>,
    entry: AuditRecord,
) -> Result<AuditRecord, StoreError> {
    let Some(reason) = reason else {
        return Ok(entry);
    };
    let (now, connection) = (transaction.now, transaction.connection());
    let revoked = sql::credentials::revoke_created(connection, creator, reason, now).await?;
    if revoked == 0 {
        return Ok(entry);
    }
    transaction.changed(ChangedEntity::CreatedTokens(*creator));
    Ok(entry.with("revoked_managed_tokens", revoked))
}

/// Writes a credential after a change, and the record of the audit log. A change without effect is not recorded.
pub(super) async fn write(
    transaction: &mut Transaction<'_>,
    effect: ChangeEffect,
    credential: &StoredCredential,
    entry: AuditRecord,
) -> Result<(), StoreError> {
    let record = &credential.record;
    let (id, generation, now) = (record.id, record.generation, transaction.now);
    let connection = transaction.connection();
    match effect {
        ChangeEffect::Unchanged => return Ok(()),
        ChangeEffect::Changed | ChangeEffect::TokensInvalidated => {
            sql::credentials::save(connection, credential).await?;
        }
        ChangeEffect::Deleted => sql::credentials::delete(connection, &id).await?,
    }
    // A managed token is rejected without a denial once its record is gone.
    if effect != ChangeEffect::Changed && record.kind != CredentialKind::Token {
        let until = sql::denials::until(connection, now).await?;
        let denied = Denied::Below(generation);
        sql::denials::insert(connection, &id, denied, until, now).await?;
    }
    let entry = entry.about(record.account_id, id);
    transaction
        .append_audit(entry.with("generation", generation))
        .await?;
    transaction.changed(ChangedEntity::Credential(id));
    Ok(())
}

/// Returns the name in the audit log of an action on a credential.
fn action(kind: CredentialKind, verb: &str) -> String {
    let noun = match kind {
        CredentialKind::User => "user",
        CredentialKind::Token => "api_token",
        _ => "key",
    };
    format!("{noun}.{verb}")
}
