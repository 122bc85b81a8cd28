//! What is known of credentials, accounts and environments, for people.

use crate::directory::{CredentialKind, EnvironmentKind, Issuers, Networks, Status};
use crate::id::Id;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// What is known of a credential, for people: no secret and no digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: Id,
    /// Whether it is a key, a user or a managed token.
    pub kind: CredentialKind,
    /// What people call it.
    pub name: String,
    /// The account that it belongs to.
    pub account_id: Id,
    /// The environment that it belongs to, if to one.
    pub environment_id: Option<Id>,
    /// What that environment is for; without one, production.
    pub environment_kind: EnvironmentKind,
    /// Whether it may be used.
    pub status: Status,
    /// Why it was revoked, if whoever did gave a reason.
    pub reason: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// From where it may be presented.
    pub allow_from: Networks,
    /// The issuers that it may use.
    pub issuers: Issuers,
    /// The user that made it: of a managed token alone, and only where a user did.
    pub created_by: Option<Id>,
    /// Its generation.
    pub generation: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it stops working; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Until when its previous secret works too, after a rotation.
    pub grace_until: Option<Timestamp>,
    /// When it was used last, at most a minute behind; `None`: never.
    pub last_used_at: Option<Timestamp>,
}

/// A tenant: what belongs to one is out of every other's reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: Id,
    /// What people call it.
    pub name: String,
    /// Whether its credentials may be used.
    pub status: Status,
    /// Its generation: tokens minted at a lower one are refused.
    pub generation: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A part of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its id.
    pub id: Id,
    /// The account that it belongs to.
    pub account_id: Id,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub kind: EnvironmentKind,
    /// When it was made.
    pub created_at: Timestamp,
}
