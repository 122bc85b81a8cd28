use crate::directory::{CredentialKind, EnvironmentKind, Issuers, Networks, Status};
use crate::id::Id;
use crate::key::IssuedKey;
use crate::registry::backend::Placement;
use crate::registry::{Authority, Conflict, NewEnvironment, NotHeld};
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The administrative view of a credential: no secret and no digest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The credential's id.
    pub id: Id,
    /// Whether it is a key, a user or a managed token.
    pub kind: CredentialKind,
    /// Its display name; a user's login name; empty for a managed token.
    pub name: String,
    /// The account that it belongs to.
    pub account_id: Id,
    /// The environment that it belongs to; `None`: the whole account.
    pub environment_id: Option<Id>,
    /// The environment's kind; production without an environment.
    pub environment_kind: EnvironmentKind,
    /// Whether it is accepted.
    pub status: Status,
    /// Why it was revoked, if a reason was given.
    pub reason: Option<String>,
    /// Its scopes.
    pub scopes: Scopes,
    /// The networks that it is accepted from.
    pub allow_from: Networks,
    /// The issuers that it may use.
    pub issuers: Issuers,
    /// The credential that created it; `None`: the operator. If that credential is revoked, or rotated as compromised, the
    /// managed tokens that it created are revoked too; keys and users are not.
    pub created_by: Option<Id>,
    /// Whether that credential is a user's.
    pub created_by_user: bool,
    /// Its generation. Tokens of lower generations are rejected.
    pub generation: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Until when the previous secret is valid too, after a rotation.
    pub grace_until: Option<Timestamp>,
    /// When it was last used, at most a minute behind; `None`: never.
    pub last_used_at: Option<Timestamp>,
}

impl Record {
    /// Creates the record of an active credential of generation 1 without a name, which does not
    /// expire, is accepted from any network and may use all issuers. For implementations of a
    /// registry, which set the other fields.
    #[must_use]
    pub const fn new(
        id: Id,
        kind: CredentialKind,
        placement: Placement,
        scopes: Scopes,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            kind,
            name: String::new(),
            account_id: placement.account,
            environment_id: placement.environment,
            environment_kind: placement.environment_kind,
            status: Status::Active,
            reason: None,
            scopes,
            allow_from: Networks::anywhere(),
            issuers: Issuers::all(),
            created_by: None,
            created_by_user: false,
            generation: 1,
            created_at,
            updated_at: created_at,
            expires_at: None,
            grace_until: None,
            last_used_at: None,
        }
    }
}

/// A tenant. A caller of one account cannot access the objects of another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The account's id.
    pub id: Id,
    /// Its display name.
    pub name: String,
    /// Whether its credentials are accepted.
    pub status: Status,
    /// Its generation. Tokens of lower generations are rejected.
    pub generation: u32,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Account {
    /// Creates an active account of generation 1.
    #[must_use]
    pub const fn new(id: Id, name: String, created_at: Timestamp) -> Self {
        Self {
            id,
            name,
            status: Status::Active,
            generation: 1,
            created_at,
        }
    }

    /// Revokes the account and raises its generation. Returns `false` if it was already revoked.
    ///
    /// # Errors
    ///
    /// Returns [`Conflict::NoMoreGenerations`] if the generation cannot be raised.
    pub fn revoke(&mut self) -> Result<bool, Conflict> {
        if self.status == Status::Revoked {
            return Ok(false);
        }
        let next = self.generation.checked_add(1);
        self.generation = next.ok_or(Conflict::NoMoreGenerations)?;
        self.status = Status::Revoked;
        Ok(true)
    }
}

/// A part of an account, such as a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Environment {
    /// The environment's id.
    pub id: Id,
    /// The account that it belongs to.
    pub account_id: Id,
    /// Its display name.
    pub name: String,
    /// Whether it is a sandbox or production.
    pub kind: EnvironmentKind,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Environment {
    /// Creates a new environment, if the caller may create one.
    ///
    /// # Errors
    ///
    /// [`NotHeld::Environment`] if the caller is confined to a sandbox.
    pub fn create(
        authority: &Authority<'_>,
        id: Id,
        account_id: Id,
        new: NewEnvironment,
        now: Timestamp,
    ) -> Result<Self, NotHeld> {
        authority.check_environment(Some(id))?;
        Ok(Self::new(id, account_id, new.name, new.kind, now))
    }

    /// Creates an environment from its parts, for example from a database row.
    #[must_use]
    pub const fn new(
        id: Id,
        account_id: Id,
        name: String,
        kind: EnvironmentKind,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            account_id,
            name,
            kind,
            created_at,
        }
    }
}

/// A newly created key, or a key with a new secret. The secret cannot be read again later.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedKey {
    /// The key's record.
    pub record: Record,
    /// The key itself.
    pub issued: IssuedKey,
}

impl CreatedKey {
    /// Creates the answer to a creation or a rotation.
    #[must_use]
    pub const fn new(record: Record, issued: IssuedKey) -> Self {
        Self { record, issued }
    }
}
