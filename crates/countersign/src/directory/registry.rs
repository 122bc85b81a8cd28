use std::error::Error;
use std::fmt;

use crate::BoxFuture;
use crate::directory::{PasswordHash, Status, UserName};
use crate::id::Id;
use crate::key::IssuedKey;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// Makes and changes credentials. What a call has acknowledged is durable.
pub trait Registry: Send + Sync + 'static {
    /// Makes an API key in the default account.
    fn create_key(&self, new: NewKey) -> BoxFuture<'_, Result<CreatedKey, RegistryError>>;

    /// Makes a user in the default account.
    fn create_user(&self, new: NewUser) -> BoxFuture<'_, Result<Record, RegistryError>>;

    /// All credentials of one kind, oldest first.
    fn list(&self, kind: CredentialKind) -> BoxFuture<'_, Result<Vec<Record>, RegistryError>>;

    /// One credential.
    fn show(&self, id: Id) -> BoxFuture<'_, Result<Record, RegistryError>>;

    /// Revokes a credential for good, and with it every token minted from it. Revoking what is
    /// revoked succeeds and changes nothing.
    fn revoke(&self, id: Id) -> BoxFuture<'_, Result<Record, RegistryError>>;
}

/// What a new API key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it stops working; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// What a new user is to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name that the user signs in with.
    pub name: UserName,
    /// The password's hash.
    pub password_hash: PasswordHash,
    /// What the user may do.
    pub scopes: Scopes,
}

/// A key that was just made. Its secret is shown this once.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    /// The record.
    pub record: Record,
    /// The key itself.
    pub issued: IssuedKey,
}

/// What is known of a credential, for people: no secret and no digest.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Record {
    /// Its id.
    pub id: Id,
    /// Whether it is a key or a user.
    pub kind: CredentialKind,
    /// What people call it.
    pub name: String,
    /// The account that it belongs to.
    pub account_id: Id,
    /// The environment that it belongs to, if to one.
    pub environment_id: Option<Id>,
    /// Whether it may be used.
    pub status: Status,
    /// What it may do.
    pub scopes: Scopes,
    /// Its generation.
    pub generation: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// The kinds of long-lived credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CredentialKind {
    /// An API key.
    Key,
    /// A user with a password.
    User,
}

/// Why a registry did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no such credential.
    NotFound,
    /// There is a user of that name already.
    NameTaken,
    /// Records could not be read or written. Nothing was acknowledged; whether it was changed is known when
    /// they can be read again.
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl RegistryError {
    /// Wraps what went wrong below.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such credential"),
            Self::NameTaken => f.write_str("there is a user of that name already"),
            Self::Unavailable(source) => write!(f, "the records cannot be reached: {source}"),
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable(source) => Some(&**source),
            Self::NotFound | Self::NameTaken => None,
        }
    }
}
