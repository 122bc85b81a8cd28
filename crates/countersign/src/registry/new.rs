use crate::directory::{EnvironmentKind, Issuers, Networks, PasswordHash, UserName};
use crate::id::Id;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The properties of a new API key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewKey {
    /// The display name.
    pub name: String,
    /// The scopes.
    pub scopes: Scopes,
    /// The account and environment.
    pub owner: Owner,
    /// The networks that the key is accepted from.
    pub allow_from: Networks,
    /// The issuers that the key may use.
    pub issuers: Issuers,
    /// When the key expires; `None`: never.
    pub expires_at: Option<Timestamp>,
}

impl NewKey {
    /// Creates the properties of a key of the caller's account that is accepted from any network,
    /// may use all issuers and does not expire.
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

    /// Sets the time from which the key is rejected.
    #[must_use]
    pub const fn expires_at(mut self, time: Timestamp) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Sets the only networks that the key is accepted from.
    #[must_use]
    pub fn allow_from(mut self, networks: Networks) -> Self {
        self.allow_from = networks;
        self
    }

    /// Sets the account and environment.
    #[must_use]
    pub const fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// Sets the only issuers that the key may use.
    #[must_use]
    pub fn issuers(mut self, issuers: Issuers) -> Self {
        self.issuers = issuers;
        self
    }
}

/// The account and environment of a new credential.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    /// The account; `None`: the caller's, or the default account for an operator.
    pub account: Option<Id>,
    /// The environment, which must belong to the account. `None`: the sandbox that the caller belongs to,
    /// the environment of the default account for its keys and users, otherwise the whole account.
    pub environment: Option<Id>,
}

/// The properties of a new user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewUser {
    /// The login name.
    pub name: UserName,
    /// The hash of the password.
    pub password_hash: PasswordHash,
    /// The scopes.
    pub scopes: Scopes,
    /// The account and environment.
    pub owner: Owner,
    /// The issuers that the user may use.
    pub issuers: Issuers,
}

impl NewUser {
    /// Creates the properties of a user of the caller's account that may use all issuers.
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

    /// Sets the account and environment.
    #[must_use]
    pub const fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// Sets the only issuers that the user may use.
    #[must_use]
    pub fn issuers(mut self, issuers: Issuers) -> Self {
        self.issuers = issuers;
        self
    }
}

/// The properties of a new managed token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewToken {
    /// The scopes.
    pub scopes: Scopes,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// The account and environment. Without an environment, the token is for the whole account.
    pub owner: Owner,
}

impl NewToken {
    /// Creates the properties of a managed token of the caller's whole account.
    #[must_use]
    pub fn new(scopes: Scopes, expires_at: Timestamp) -> Self {
        Self {
            scopes,
            expires_at,
            owner: Owner::default(),
        }
    }

    /// Sets the account and environment.
    #[must_use]
    pub const fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }
}

/// The properties of a new environment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewEnvironment {
    /// The account; `None`: the caller's, or the default account for an operator.
    pub account: Option<Id>,
    /// The display name.
    pub name: String,
    /// Whether it is a sandbox or production.
    pub kind: EnvironmentKind,
}

impl NewEnvironment {
    /// Creates the properties of an environment of the caller's account.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: EnvironmentKind) -> Self {
        Self {
            account: None,
            name: name.into(),
            kind,
        }
    }

    /// Sets the account.
    #[must_use]
    pub const fn account(mut self, account: Id) -> Self {
        self.account = Some(account);
        self
    }
}
