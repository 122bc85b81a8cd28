//! New records before they are written. A request plans them twice: on a connection for look-ups, so that one that is
//! rejected never waits for a writer, and in the transaction that writes them.

use countersign::Id;
use countersign::directory::CredentialKind;
use countersign::key::{ImportedKey, IssuedKey};
use countersign::registry::backend::{Placement, StoredCredential, StoredSecret};
use countersign::registry::{
    Authority, Conflict, Environment, NewEnvironment, NewKey, NewToken, NewUser, Owner,
    RegistryError,
};
use countersign::time::Timestamp;

use super::accounts::{account_for, placement};
use crate::error::StoreError;
use crate::sql::{self, Connection};
use crate::store::Inner;

/// What a plan works with: a connection, what the caller may give, and the time.
pub(super) type Basis<'p, 'c> = (&'p mut Connection, &'p Authority<'c>, Timestamp);

impl Inner {
    /// Returns a new API key, with the id and the secret that were planned before, if they were.
    pub(super) async fn plan_key(
        &self,
        (connection, authority, now): Basis<'_, '_>,
        new: NewKey,
        planned: Option<(Id, IssuedKey)>,
    ) -> Result<(StoredCredential, IssuedKey), RegistryError> {
        let (kind, state) = (CredentialKind::Key, &self.state);
        let (id, placement) = self
            .place(connection, authority, new.owner, kind, now)
            .await?;
        let (id, issued) = match planned {
            Some(planned) => planned,
            None => {
                let issued = state.peppers.generate_key(&id, &*state.random);
                (id, issued.map_err(StoreError::from)?)
            }
        };
        let secret = StoredSecret::Key(state.peppers.digests(&id, issued.secret.expose()));
        let key = StoredCredential::new_key(authority, id, placement, new, secret, now)?;
        Ok((key, issued))
    }

    /// Returns an API key that another system issued.
    pub(super) async fn plan_import(
        &self,
        (connection, authority, now): Basis<'_, '_>,
        new: NewKey,
        key: &ImportedKey,
    ) -> Result<StoredCredential, RegistryError> {
        let digests = self.state.peppers.imported(key);
        let newest = *digests.first().ok_or(Conflict::PepperMissing)?;
        let kind = CredentialKind::Key;
        let (id, placement) = self
            .place(connection, authority, new.owner, kind, now)
            .await?;
        let secret = StoredSecret::ImportedKey(newest);
        let key = StoredCredential::new_key(authority, id, placement, new, secret, now)?;
        for digest in &digests {
            if sql::credentials::is_imported(connection, digest).await? {
                return Err(Conflict::AlreadyImported.into());
            }
        }
        Ok(key)
    }

    /// Returns a new user.
    pub(super) async fn plan_user(
        &self,
        (connection, authority, now): Basis<'_, '_>,
        new: NewUser,
    ) -> Result<StoredCredential, RegistryError> {
        let same_name = sql::credentials::find_user(connection, &new.name);
        if same_name.await?.is_some() {
            return Err(RegistryError::NameTaken);
        }
        let kind = CredentialKind::User;
        let (id, placement) = self
            .place(connection, authority, new.owner, kind, now)
            .await?;
        let user = StoredCredential::new_user(authority, id, placement, new, now);
        Ok(user?)
    }

    /// Returns the record of a new managed token.
    pub(super) async fn plan_token(
        &self,
        (connection, authority, now): Basis<'_, '_>,
        new: NewToken,
    ) -> Result<StoredCredential, RegistryError> {
        let kind = CredentialKind::Token;
        let (id, placement) = self
            .place(connection, authority, new.owner, kind, now)
            .await?;
        let token = StoredCredential::new_token(authority, id, placement, new, now);
        Ok(token?)
    }

    /// Returns a new environment.
    pub(super) async fn plan_environment(
        &self,
        (connection, authority, now): Basis<'_, '_>,
        new: NewEnvironment,
    ) -> Result<Environment, RegistryError> {
        let (caller, state) = (authority.caller(), &self.state);
        let account = account_for(connection, state, caller, new.account).await?;
        if let Some(limits) = self.options.limits.of(caller) {
            let most = limits.environments;
            if sql::accounts::has_environments(connection, &account, most.get()).await? {
                return Err(Conflict::TooManyEnvironments(most).into());
            }
        }
        let id = state.new_id(now, &account)?;
        Ok(Environment::create(authority, id, account, new, now)?)
    }

    /// Returns the id of a new credential, and where it belongs, if there may be another one.
    async fn place(
        &self,
        connection: &mut Connection,
        authority: &Authority<'_>,
        owner: Owner,
        kind: CredentialKind,
        now: Timestamp,
    ) -> Result<(Id, Placement), RegistryError> {
        let placement = placement(connection, &self.state, authority, owner, kind).await?;
        self.check_limit(connection, authority, &placement.account, kind)
            .await?;
        let id = self.state.new_id(now, &placement.account)?;
        Ok((id, placement))
    }

    /// Returns an error if as many credentials of a kind are stored as there may be.
    async fn check_limit(
        &self,
        connection: &mut Connection,
        authority: &Authority<'_>,
        account: &Id,
        kind: CredentialKind,
    ) -> Result<(), RegistryError> {
        let caller = authority.caller();
        let (Some(limits), Some(creator)) = (self.options.limits.of(caller), caller.credential())
        else {
            return Ok(());
        };
        let (managed_tokens, credentials) = (limits.managed_tokens, limits.credentials);
        if kind == CredentialKind::Token {
            let created = sql::credentials::has_created(connection, creator, managed_tokens.get());
            if created.await? {
                return Err(Conflict::TooManyManagedTokens(managed_tokens).into());
            }
        } else {
            let present = sql::credentials::has_credentials(connection, account, credentials.get());
            if present.await? {
                return Err(Conflict::TooManyCredentials(credentials).into());
            }
        }
        Ok(())
    }
}
