use std::error::Error;
use std::fmt;

use crate::BoxFuture;
use crate::directory::{
    Account, Caller, Change, Conflict, CredentialKind, Environment, EnvironmentKind, Issuers,
    Networks, PasswordHash, Record, Rotation, UserName,
};
use crate::id::Id;
use crate::key::IssuedKey;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// Makes and changes credentials. What a call has acknowledged is durable, and in the
/// [`Directory`](super::Directory) of this process.
///
/// Whatever lies outside the [`Caller`]'s account is answered with [`RegistryError::NotFound`].
pub trait Registry: Send + Sync + 'static {
    /// Makes an API key.
    fn create_key<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewKey,
    ) -> BoxFuture<'a, Result<CreatedKey, RegistryError>>;

    /// Makes a user.
    fn create_user<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewUser,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// Credentials, oldest first.
    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        listing: Listing,
    ) -> BoxFuture<'a, Result<Vec<Record>, RegistryError>>;

    /// One credential.
    fn show<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// The user of that name.
    fn find_user<'a>(
        &'a self,
        caller: &'a Caller,
        name: UserName,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// Changes a credential by the rules of [`lifecycle`](super::lifecycle), and returns what it is now, or
    /// was when it was deleted.
    fn change<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// Gives a key another secret. Its id stays.
    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        rotation: Rotation,
    ) -> BoxFuture<'a, Result<CreatedKey, RegistryError>>;

    /// Refuses one token from now on, known by its issuer and `jti`. `expires_at` is its `exp`.
    fn deny_token<'a>(
        &'a self,
        caller: &'a Caller,
        token: DeniedToken,
    ) -> BoxFuture<'a, Result<(), RegistryError>>;

    /// Makes an account.
    fn create_account<'a>(
        &'a self,
        caller: &'a Caller,
        name: String,
    ) -> BoxFuture<'a, Result<Account, RegistryError>>;

    /// All accounts within reach, oldest first.
    fn list_accounts<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<Vec<Account>, RegistryError>>;

    /// One account.
    fn show_account<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Account, RegistryError>>;

    /// Revokes an account for good, and with it every credential of it and every token of those.
    fn revoke_account<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Account, RegistryError>>;

    /// Makes an environment.
    fn create_environment<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewEnvironment,
    ) -> BoxFuture<'a, Result<Environment, RegistryError>>;

    /// All environments within reach, oldest first.
    fn list_environments<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<Vec<Environment>, RegistryError>>;
}

/// What a new API key is to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Whose it is.
    pub owner: Owner,
    /// From where it may be presented.
    pub allow_from: Networks,
    /// The issuers that it may use.
    pub issuers: Issuers,
    /// When it stops working; `None`: never.
    pub expires_at: Option<Timestamp>,
}

impl NewKey {
    /// A key of the caller's account that works from anywhere and does not expire.
    #[must_use]
    pub fn new(name: impl Into<String>, scopes: Scopes) -> Self {
        Self {
            name: name.into(),
            scopes,
            owner: Owner::default(),
            allow_from: Networks::anywhere(),
            issuers: Issuers::all(),
            expires_at: None,
        }
    }

    /// The same until `moment`.
    #[must_use]
    pub const fn expires_at(mut self, moment: Timestamp) -> Self {
        self.expires_at = Some(moment);
        self
    }

    /// The same from these networks alone.
    #[must_use]
    pub fn allow_from(mut self, networks: Networks) -> Self {
        self.allow_from = networks;
        self
    }

    /// The same for this owner.
    #[must_use]
    pub const fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// The same for these issuers alone.
    #[must_use]
    pub fn issuers(mut self, issuers: Issuers) -> Self {
        self.issuers = issuers;
        self
    }
}

/// Whose a new credential is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    /// The account; `None`: the caller's, or the default one for an operator.
    pub account: Option<Id>,
    /// The environment, which must be the account's; `None`: the default account's own, none elsewhere.
    pub environment: Option<Id>,
}

/// What a new user is to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewUser {
    /// The name that the user signs in with.
    pub name: UserName,
    /// The password's hash.
    pub password_hash: PasswordHash,
    /// What the user may do.
    pub scopes: Scopes,
    /// Whose the user is.
    pub owner: Owner,
    /// The issuers that the user may use.
    pub issuers: Issuers,
}

impl NewUser {
    /// A user of the caller's account.
    #[must_use]
    pub fn new(name: UserName, password_hash: PasswordHash, scopes: Scopes) -> Self {
        Self {
            name,
            password_hash,
            scopes,
            owner: Owner::default(),
            issuers: Issuers::all(),
        }
    }

    /// The same for this owner.
    #[must_use]
    pub const fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// The same for these issuers alone.
    #[must_use]
    pub fn issuers(mut self, issuers: Issuers) -> Self {
        self.issuers = issuers;
        self
    }
}

/// What a new environment is to be.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an environment is no more than this"
)]
pub struct NewEnvironment {
    /// The account; `None`: the caller's, or the default one for an operator.
    pub account: Option<Id>,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub kind: EnvironmentKind,
}

/// Which credentials to list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Listing {
    /// Of this kind.
    pub kind: CredentialKind,
    /// Of this account; `None`: of all within reach.
    pub account: Option<Id>,
    /// Those that come after this one.
    pub after: Option<Id>,
    /// At most so many.
    pub limit: u32,
}

impl Listing {
    /// All of one kind.
    #[must_use]
    pub const fn of(kind: CredentialKind) -> Self {
        Self {
            kind,
            account: None,
            after: None,
            limit: u32::MAX,
        }
    }

    /// The same of one account.
    #[must_use]
    pub const fn account(mut self, account: Id) -> Self {
        self.account = Some(account);
        self
    }

    /// At most `limit`, of those that come after `after`.
    #[must_use]
    pub const fn page(mut self, after: Option<Id>, limit: u32) -> Self {
        self.after = after;
        self.limit = limit;
        self
    }
}

/// A token that is refused though its signature is right.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 7519: what names a token, and its end"
)]
pub struct DeniedToken {
    /// Its issuer, `iss`.
    pub issuer: String,
    /// Its id, `jti`.
    pub token: Id,
    /// The account that it belongs to.
    pub account: Id,
    /// When it expires, `exp`.
    pub expires_at: Timestamp,
}

/// A key that was just made, or that has a new secret. The secret is shown this once.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    /// The record.
    pub record: Record,
    /// The key itself.
    pub issued: IssuedKey,
}

/// Why a registry did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no such thing, or it is out of the caller's reach.
    NotFound,
    /// That name is taken.
    NameTaken,
    /// The credential that proved the caller does not stand any more.
    CallerLapsed,
    /// The present state does not allow it.
    Conflict(Conflict),
    /// The client called another request by the same idempotency key.
    KeyReused,
    /// As many answers are remembered of the caller as may be.
    TooManyRemembered,
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

impl From<Conflict> for RegistryError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such thing"),
            Self::NameTaken => f.write_str("that name is taken already"),
            Self::CallerLapsed => f.write_str("the credentials do not stand any more"),
            Self::Conflict(conflict) => conflict.fmt(f),
            Self::KeyReused => f.write_str("another request had the same idempotency key"),
            Self::TooManyRemembered => f.write_str(
                "as many answers are remembered as may be: come without a key, or later",
            ),
            Self::Unavailable(source) => write!(f, "the records cannot be reached: {source}"),
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable(source) => Some(&**source),
            Self::Conflict(conflict) => Some(conflict),
            Self::NotFound
            | Self::NameTaken
            | Self::CallerLapsed
            | Self::KeyReused
            | Self::TooManyRemembered => None,
        }
    }
}
