use crate::directory::{EnvironmentKind, Issuers, Networks, PasswordHash, UserName};
use crate::id::Id;
use crate::scope::Scopes;
use crate::time::Timestamp;

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
