//! Credentials that were issued elsewhere.

use std::fmt::Display;
use std::future::ready;

use countersign::BoxFuture;
use countersign::Scopes;
use countersign::directory::{Networks, PasswordHash, UserName};
use countersign::key::ImportedKey;
use countersign::registry::{NewKey, Owner, Registry as _};
use countersign::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CredentialResponse, Operations, OpsError};
use crate::config::value;
use crate::schema;

/// A credential to import: a key with `sha256` or `hmac_sha256`, or a user with `password_hash`.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The display name of a key, or the name of a user.
    pub name: String,
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Sha256>)]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Sha256>)]
    pub hmac_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::PasswordHash>)]
    pub password_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    pub account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    pub environment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Time>)]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::Network>>, max_items = 64)]
    pub allow_from: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::IssuerName>>)]
    pub issuers: Option<Vec<String>>,
}

/// A credential that can be imported.
pub struct Import {
    pub credential: ImportedCredential,
    issuers: Vec<String>,
}

pub enum ImportedCredential {
    Key(NewKey, ImportedKey),
    User(UserName, PasswordHash, Scopes, Owner),
}

impl ImportRequest {
    /// Checks the members. An error repeats no value: any of them may be a secret.
    /// `pepper` is the version of the pepper of HMACs, if there is one.
    pub fn check(self, pepper: Option<u32>) -> Result<Import, String> {
        let scopes = Scopes::from_list(self.scopes.iter().map(String::as_str));
        let scopes = scopes.map_err(|error| format!("scopes: {error}"))?;
        let owner = Owner {
            account: parsed("account_id", self.account_id.as_deref(), str::parse)?,
            environment: parsed("environment_id", self.environment_id.as_deref(), str::parse)?,
        };
        let by_sha256 = parsed("sha256", self.sha256.as_deref(), ImportedKey::from_sha256)?;
        let by_hmac = match (self.hmac_sha256.as_deref(), pepper) {
            (Some(_), None) => {
                return Err(
                    "hmac_sha256: its key is missing: import it with `countersign key import --hmac-key`".to_owned(),
                );
            }
            (hmac, pepper) => parsed("hmac_sha256", hmac, |hex| {
                ImportedKey::from_hmac(hex, pepper.unwrap_or_default())
            })?,
        };
        let key = match (by_sha256, by_hmac) {
            (Some(_), Some(_)) => {
                return Err("expected either `sha256` or `hmac_sha256`".to_owned());
            }
            (by_sha256, by_hmac) => by_sha256.or(by_hmac),
        };
        let hash = parsed("password_hash", self.password_hash.as_deref(), str::parse)?;
        let expires_at = self.expires_at.as_deref();
        let expires_at = parsed("expires_at", expires_at, Timestamp::parse_rfc3339)?;
        let name = Some(&*self.name);
        let credential = match (key, hash) {
            (Some(key), None) => {
                let networks = self.allow_from.unwrap_or_default();
                let networks = Networks::from_list(networks.iter().map(String::as_str));
                let networks = networks.map_err(|error| format!("allow_from: {error}"))?;
                let name = parsed("name", name, value::name)?.unwrap_or_default();
                let mut new = NewKey::new(name, scopes).owner(owner).allow_from(networks);
                new.expires_at = expires_at;
                ImportedCredential::Key(new, key)
            }
            (None, Some(hash)) if expires_at.is_none() && self.allow_from.is_none() => {
                let name = parsed("name", name, str::parse)?.ok_or("name: missing")?;
                ImportedCredential::User(name, hash, scopes, owner)
            }
            (None, Some(_)) => {
                return Err("a user has no `expires_at` and no `allow_from`".to_owned());
            }
            _ => {
                return Err(
                    "expected either `sha256` or `hmac_sha256`, for a key, or `password_hash`, for a user"
                        .to_owned(),
                );
            }
        };
        Ok(Import {
            credential,
            issuers: self.issuers.unwrap_or_default(),
        })
    }
}

/// Parses an optional member. The error names it.
fn parsed<T, E: Display>(
    member: &str,
    value: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, String> {
    value
        .map(parse)
        .transpose()
        .map_err(|error| format!("{member}: {error}"))
}

impl Operations {
    /// Imports a key or a user.
    pub fn import(&self, import: Import) -> BoxFuture<'_, Result<CredentialResponse, OpsError>> {
        Box::pin(async move {
            let issuers = &import.issuers;
            match import.credential {
                ImportedCredential::Key(new, key) => {
                    // The digests of all accounts are in one table: an account could claim the keys of another.
                    self.require_default_account()?;
                    let new = new.issuers(self.issuers_of_new(issuers).await?);
                    Ok(self.store.import_key(&self.caller, new, key).await?.into())
                }
                ImportedCredential::User(name, hash, scopes, owner) => {
                    let hash = ready(Ok::<_, OpsError>(hash));
                    let user = self.create_user(name, scopes, owner, issuers, hash);
                    user.await
                }
            }
        })
    }
}
