use countersign::BoxFuture;
use countersign::directory::{CredentialKind, PasswordHash, UserName};
use countersign::registry::{Change, NewUser, Owner, Registry as _};
use countersign::{Id, Scopes};

use super::{CredentialResponse, Operations, OpsError};

impl Operations {
    /// Returns the user of this name.
    pub fn find_user(&self, name: UserName) -> BoxFuture<'_, Result<CredentialResponse, OpsError>> {
        Box::pin(async move { Ok(self.store.find_user(&self.caller, name).await?.into()) })
    }

    /// Creates a user. `hash` is awaited once the request is known to be permitted, since hashing a
    /// password is expensive.
    pub async fn create_user<E: From<OpsError>>(
        &self,
        name: UserName,
        scopes: Scopes,
        owner: Owner,
        issuers: &[String],
        hash: impl Future<Output = Result<PasswordHash, E>>,
    ) -> Result<CredentialResponse, E> {
        self.authority()?
            .check_scopes(&scopes)
            .map_err(OpsError::from)?;
        let issuers = self.issuers_of_new(issuers).await?;
        let user = NewUser::new(name, hash.await?, scopes);
        let user = user.owner(owner).issuers(issuers);
        let created = self.store.create_user(&self.caller, user).await;
        Ok(created.map_err(OpsError::from)?.into())
    }

    /// Sets a user's password. `hash` is awaited once the request is known to be permitted.
    pub async fn set_password<E: From<OpsError>>(
        &self,
        id: Id,
        hash: impl Future<Output = Result<PasswordHash, E>>,
    ) -> Result<CredentialResponse, E> {
        let user = self.find(CredentialKind::User, id).await?;
        self.authority()?.check(&user).map_err(OpsError::from)?;
        let change = Change::Password(hash.await?);
        let changed = self.change_credential(CredentialKind::User, id, change);
        Ok(changed.await?)
    }
}
