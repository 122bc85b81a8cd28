use std::time::Duration;

use countersign::directory::CredentialKind;
use countersign::registry::{CreatedKey, NewKey, Registry as _, Rotation};
use countersign::{Id, Scopes, Secret};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::{Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// How long the previous secret works after a rotation by default: a day, to deploy the new one.
const DEFAULT_GRACE: Duration = Duration::from_secs(24 * 3600);

/// A key that was created or rotated. This is the only response with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedKeyResponse {
    #[schema(value_type = schema::Id)]
    pub(crate) id: Id,
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = String)]
    pub(crate) key: Secret,
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = String)]
    pub(crate) secret: Secret,
    #[schema(value_type = Vec<schema::Scope>)]
    pub(crate) scopes: Scopes,
    #[schema(value_type = schema::Id)]
    pub(crate) account_id: Id,
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub(crate) environment_id: Option<Id>,
    #[schema(required = true)]
    pub(crate) expires_at: Option<Rfc3339>,
    /// When the previous secret stops working.
    #[serde(skip)]
    pub(crate) grace_until: Option<Rfc3339>,
}

impl From<CreatedKey> for CreatedKeyResponse {
    fn from(CreatedKey { record, issued, .. }: CreatedKey) -> Self {
        Self {
            id: record.id,
            key: issued.key,
            secret: issued.secret,
            scopes: record.scopes,
            account_id: record.account_id,
            environment_id: record.environment_id,
            expires_at: record.expires_at.map(Into::into),
            grace_until: record.grace_until.map(Into::into),
        }
    }
}

fn exposed<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// Returns how a key is rotated: as compromised, and perhaps without its managed tokens, or with this grace or the default
/// one.
pub(crate) fn rotation(compromised: bool, keep_tokens: bool, grace: Option<Duration>) -> Rotation {
    match (compromised, keep_tokens) {
        (true, false) => Rotation::Compromised,
        (true, true) => Rotation::CompromisedKeepingTokens,
        (false, _) => Rotation::Grace(grace.unwrap_or(DEFAULT_GRACE)),
    }
}

impl Operations {
    /// Creates a key that may use the issuers of these names; without names, those of the caller.
    pub(crate) async fn create_key(
        &self,
        new: NewKey,
        issuers: &[String],
    ) -> Result<CreatedKeyResponse, OpsError> {
        let new = new.issuers(self.issuers_of_new(issuers).await?);
        Ok(self.store.create_key(&self.caller, new).await?.into())
    }

    /// Stores the HMAC key of another system, and returns the version of the pepper that it becomes.
    pub(crate) async fn import_pepper(&self, secret: &Secret) -> Result<u32, OpsError> {
        self.require_default_account()?;
        Ok(self.store.import_pepper(&self.caller, secret).await?)
    }

    /// Gives a key a new secret.
    pub(crate) async fn rotate_key(
        &self,
        id: Id,
        rotation: Rotation,
    ) -> Result<CreatedKeyResponse, OpsError> {
        self.find(CredentialKind::Key, id).await?;
        Ok(self.store.rotate(&self.caller, id, rotation).await?.into())
    }
}
