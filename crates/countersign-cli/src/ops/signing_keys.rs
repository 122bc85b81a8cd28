use std::time::Duration;

use countersign::BoxFuture;
use countersign::jose::{Algorithm, VerifyingKey};
use countersign_store::{SigningKeyRecord, Store, StoreError};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Operations, OpsError};
use crate::schema::Rfc3339;

/// A signing key, without its private part.
#[derive(Debug, Serialize, ToSchema)]
pub struct SigningKeyResponse {
    pub kid: String,
    pub algorithm: &'static str,
    pub state: &'static str,
    pub created_at: Rfc3339,
    /// When the key begins to sign.
    pub activates_at: Rfc3339,
    #[schema(required = true)]
    pub revoked_at: Option<Rfc3339>,
}

/// The signing keys of an issuer.
#[derive(Debug, Serialize, ToSchema)]
pub struct SigningKeyListResponse {
    pub signing_keys: Vec<SigningKeyResponse>,
}

/// A signing key with its public part.
#[derive(Debug, Serialize)]
pub struct ExportedKeyResponse {
    #[serde(flatten)]
    pub key: SigningKeyResponse,
    /// The public part in PEM.
    pub pem: String,
}

impl From<SigningKeyRecord> for SigningKeyResponse {
    fn from(key: SigningKeyRecord) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm.as_str(),
            state: key.state.as_str(),
            created_at: key.created_at.into(),
            activates_at: key.activates_at.into(),
            revoked_at: key.revoked_at.map(Into::into),
        }
    }
}

/// The issuer of an operation may be [`Store::FEED`]: it is then one on the keys that sign the feed.
impl Operations {
    /// Creates the issuer if it is configured and not stored yet.
    async fn ensure_key_owner(&self, issuer: &str) -> Result<(), OpsError> {
        match issuer {
            Store::FEED => Ok(self.store.feed_keys().await.map(drop)?),
            issuer => self.ensure_issuer(issuer).await,
        }
    }

    /// Lists an issuer's signing keys, newest first.
    pub fn list_signing_keys<'a>(
        &'a self,
        issuer: &'a str,
    ) -> BoxFuture<'a, Result<SigningKeyListResponse, OpsError>> {
        Box::pin(async move {
            self.require_default_account()?;
            self.ensure_key_owner(issuer).await?;
            let keys = self.store.list_signing_keys(issuer).await?;
            let signing_keys = keys.into_iter().map(Into::into).collect();
            Ok(SigningKeyListResponse { signing_keys })
        })
    }

    /// Returns a published signing key with its public part, for verifiers that read no key set.
    pub fn export_signing_key<'a>(
        &'a self,
        issuer: &'a str,
        kid: &'a str,
    ) -> BoxFuture<'a, Result<ExportedKeyResponse, OpsError>> {
        Box::pin(async move {
            let list = self.list_signing_keys(issuer).await?;
            let mut keys = list.signing_keys.into_iter();
            let key = keys.find(|key| key.kid == kid);
            let key = key.ok_or(StoreError::UnknownSigningKey)?;
            let published = self.store.signing_keys(issuer, None).await?;
            match public_pem(&published.jwks(), kid) {
                Some(pem) => Ok(ExportedKeyResponse { key, pem }),
                None => Err(OpsError::NoPublicKey(key.state)),
            }
        })
    }

    /// Creates an issuer's next signing key, and publishes it `lead` before it signs. Its algorithm is
    /// the given one, else the configured one, else that of the active key.
    pub fn rotate_signing_key<'a>(
        &'a self,
        issuer: &'a str,
        algorithm: Option<Algorithm>,
        lead: Duration,
    ) -> BoxFuture<'a, Result<SigningKeyResponse, OpsError>> {
        Box::pin(async move {
            self.require_default_account()?;
            self.ensure_key_owner(issuer).await?;
            let settings = self.config.issuer(issuer);
            let configured = settings.and_then(|settings| settings.algorithm);
            // A server that starts after the new key has begun to sign would refuse to start with it.
            if let (Some(wanted), Some(configured)) = (algorithm, configured)
                && wanted != configured
            {
                return Err(OpsError::AlgorithmConfigured {
                    issuer: issuer.to_owned(),
                    configured,
                    wanted,
                });
            }
            let algorithm = algorithm.or(configured);
            let created = self
                .store
                .rotate_signing_key(&self.caller, issuer, algorithm, lead);
            Ok(created.await?.into())
        })
    }

    /// Revokes a signing key: every token that it signed is rejected from now on.
    pub fn revoke_signing_key<'a>(
        &'a self,
        issuer: &'a str,
        kid: &'a str,
    ) -> BoxFuture<'a, Result<SigningKeyResponse, OpsError>> {
        Box::pin(async move {
            self.require_default_account()?;
            self.ensure_key_owner(issuer).await?;
            let revoked = self.store.revoke_signing_key(&self.caller, issuer, kid);
            Ok(revoked.await?.into())
        })
    }
}

/// Returns the key with this id of a key set in PEM.
fn public_pem(jwks: &str, kid: &str) -> Option<String> {
    let set: Value = serde_json::from_str(jwks).ok()?;
    let mut keys = set.get("keys")?.as_array()?.iter();
    let key = keys.find(|key| key.get("kid").and_then(Value::as_str) == Some(kid))?;
    VerifyingKey::from_jwk(&key.to_string()).ok()?.to_pem()
}
