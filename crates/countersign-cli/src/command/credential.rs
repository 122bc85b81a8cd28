//! What the commands of keys, users and managed tokens have in common.

use std::error::Error;
use std::str::FromStr;

use clap::{Args, Subcommand};
use countersign::Id;
use countersign::directory::UserName;
use countersign::registry::{Change, Owner};

use super::arguments::issuer;
use super::subject::Subject;
use crate::config::value::reason;
use crate::error::CommandError;
use crate::ops::Operations;

/// The fields of one credential.
pub(super) const FIELDS: &str = "id name status reason scopes allow_from issuers account_id environment_id \
    generation created_by created_at updated_at expires_at last_used_at grace_until";

/// The columns of a list of credentials.
pub(super) const COLUMNS: &str = "id status created_by expires_at last_used_at updated_at grace_until allow_from \
    issuers reason name scopes";

/// The id or the name of a credential.
pub(crate) trait CredentialName:
    FromStr<Err: Error + Send + Sync> + Clone + Send + Sync + 'static
{
    /// The placeholder in help.
    const VALUE_NAME: &'static str;
}

impl CredentialName for Id {
    const VALUE_NAME: &'static str = "ID";
}

impl CredentialName for UserName {
    const VALUE_NAME: &'static str = "NAME";
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChangeCommand<N: CredentialName> {
    /// Suspend it: it and every token minted from it are rejected until it is activated
    Suspend(CredentialArg<N>),
    /// Activate it after a suspension; tokens from before stay invalid
    Activate(CredentialArg<N>),
    /// Revoke it for good, and every token minted from it
    Revoke {
        #[command(flatten)]
        credential: CredentialArg<N>,
        /// The reason, for the audit log
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
    /// Delete it after it was revoked; its tokens stay invalid
    Delete(CredentialArg<N>),
}

#[derive(Debug, Args)]
pub(crate) struct CredentialArg<N: CredentialName> {
    /// The credential
    #[arg(value_name = N::VALUE_NAME, value_parser = N::from_str)]
    pub(super) name: N,
}

impl<N: CredentialName> ChangeCommand<N> {
    /// Returns the credential and its change.
    pub(super) fn into_change(self) -> (N, Change) {
        match self {
            Self::Suspend(credential) => (credential.name, Change::Suspend),
            Self::Activate(credential) => (credential.name, Change::Activate),
            Self::Revoke { credential, reason } => (credential.name, Change::Revoke { reason }),
            Self::Delete(credential) => (credential.name, Change::Delete),
        }
    }
}

/// Selects the credentials of a list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List only those that this key or user created; it is named by its id, or by the user's name
    #[arg(long, value_name = "CREDENTIAL")]
    created_by: Option<String>,
}

impl ListArgs {
    /// Returns the id of the creator.
    pub(super) async fn creator(
        &self,
        operations: &Operations,
    ) -> Result<Option<Id>, CommandError> {
        match &self.created_by {
            Some(name) => Ok(Some(creator(operations, name).await?)),
            None => Ok(None),
        }
    }
}

/// Returns the id of the credential of this id or user name. The credential may be deleted already, so that its id need
/// not be known.
pub(super) async fn creator(operations: &Operations, name: &str) -> Result<Id, CommandError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let found = operations.find_credential(name).await;
    Ok(found.map_err(|error| Subject::Credential.error(error))?.id)
}

/// The owner and the issuers of a new credential.
#[derive(Debug, Args)]
pub(crate) struct PlacementArgs {
    /// The account of the credential [default: the account `default`]
    #[arg(long, value_name = "ID")]
    account: Option<Id>,
    /// The environment of the credential, within its account [default: `production` in the account
    /// `default`, none in other accounts]
    #[arg(long, value_name = "ID")]
    environment: Option<Id>,
    /// An issuer at which the credential can be used; can be repeated [default: all, also later ones]
    #[arg(long = "issuer", value_name = "NAME", value_parser = issuer)]
    pub(super) issuers: Vec<String>,
}

impl PlacementArgs {
    pub(super) const fn owner(&self) -> Owner {
        Owner {
            account: self.account,
            environment: self.environment,
        }
    }
}
