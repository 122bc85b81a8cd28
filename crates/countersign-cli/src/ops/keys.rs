use std::time::Duration;

use countersign::BoxFuture;
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
pub struct CreatedKeyResponse {
    #[schema(value_type = schema::Id)]
    pub id: Id,
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = String)]
    pub key: Secret,
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = String)]
    pub secret: Secret,
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Scopes,
    #[schema(value_type = schema::Id)]
    pub account_id: Id,
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub environment_id: Option<Id>,
    #[schema(required = true)]
    pub expires_at: Option<Rfc3339>,
    /// When the previous secret stops working.
    #[serde(skip)]
    pub grace_until: Option<Rfc3339>,
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
pub fn rotation(compromised: bool, keep_tokens: bool, grace: Option<Duration>) -> Rotation {
    match (compromised, keep_tokens) {
        (true, false) => Rotation::Compromised,
        (true, true) => Rotation::CompromisedKeepingTokens,
        (false, _) => Rotation::Grace(grace.unwrap_or(DEFAULT_GRACE)),
    }
}

impl Operations {
    /// Creates a key that may use the issuers of these names; without names, those of the caller.
    pub fn create_key<'a>(
        &'a self,
        new: NewKey,
        issuers: &'a [String],
    ) -> BoxFuture<'a, Result<CreatedKeyResponse, OpsError>> {
        Box::pin(async move {
            let new = new.issuers(self.issuers_of_new(issuers).await?);
            Ok(self.store.create_key(&self.caller, new).await?.into())
        })
    }

    /// Stores the HMAC key of another system, and returns the version of the pepper that it becomes.
    pub fn import_pepper<'a>(&'a self, secret: &'a Secret) -> BoxFuture<'a, Result<u32, OpsError>> {
        Box::pin(async move {
            self.require_default_account()?;
            Ok(self.store.import_pepper(&self.caller, secret).await?)
        })
    }

    /// Gives a key a new secret.
    pub fn rotate_key(
        &self,
        id: Id,
        rotation: Rotation,
    ) -> BoxFuture<'_, Result<CreatedKeyResponse, OpsError>> {
        Box::pin(async move {
            self.find(CredentialKind::Key, id).await?;
            Ok(self.store.rotate(&self.caller, id, rotation).await?.into())
        })
    }
}
