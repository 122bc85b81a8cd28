use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use crate::directory::{CredentialKind, EnvironmentKind, Issuers, Networks};
use crate::id::Id;
use crate::key::KeyDigests;
use crate::reason::Reason;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// A long-lived credential in a directory: everything that authentication needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credential {
    /// Its id, which is also `sub` and `client_id` of the tokens minted from it.
    pub id: Id,
    /// The account that it belongs to.
    pub account: Id,
    /// The account's generation.
    pub account_generation: u32,
    /// The environment that it belongs to, if to one.
    pub environment: Option<Id>,
    /// What that environment is for; without one, production.
    pub environment_kind: EnvironmentKind,
    /// Its generation: a token minted at a lower one is refused.
    pub generation: u32,
    /// Whether it may be used. That of a revoked account's credential is [`Status::Revoked`].
    pub status: Status,
    /// What it may do.
    pub scopes: Scopes,
    /// From where it may be presented.
    pub allow_from: Networks,
    /// The issuers that it may use.
    pub issuers: Issuers,
    /// When it stops working; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// What proves that somebody holds it.
    pub secret: StoredSecret,
}

/// Verified in place of a credential that does not exist.
static UNKNOWN: LazyLock<Credential> = LazyLock::new(|| {
    let id = Id::from_bytes([0; 20]);
    Credential {
        status: Status::Revoked,
        ..Credential::new(id, id, Scopes::none(), StoredSecret::Key(KeyDigests::DUMMY))
    }
});

impl Credential {
    /// Creates an active credential of generation 1, in an account of generation 1 and no
    /// environment, that does not expire, may be presented from any network and use all issuers.
    #[must_use]
    pub const fn new(id: Id, account: Id, scopes: Scopes, secret: StoredSecret) -> Self {
        Self {
            id,
            account,
            account_generation: 1,
            environment: None,
            environment_kind: EnvironmentKind::Production,
            generation: 1,
            status: Status::Active,
            scopes,
            allow_from: Networks::anywhere(),
            issuers: Issuers::all(),
            expires_at: None,
            secret,
        }
    }

    /// Returns a revoked credential to verify when an id is unknown, so that the time that
    /// verification takes does not show whether a credential exists.
    pub(crate) fn unknown() -> Self {
        UNKNOWN.clone()
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> CredentialKind {
        match self.secret {
            StoredSecret::Key(_) => CredentialKind::Key,
            StoredSecret::Password(_) => CredentialKind::User,
            StoredSecret::Signature => CredentialKind::Token,
        }
    }

    /// Whether it may be used now and from there, its secret aside.
    pub(crate) fn usable(&self, now: Timestamp, from: Option<IpAddr>) -> Result<(), Reason> {
        match (self.status, self.expires_at) {
            (Status::Revoked, _) => Err(Reason::CredentialRevoked),
            (Status::Suspended, _) => Err(Reason::CredentialSuspended),
            (Status::Active, Some(end)) if now >= end => Err(Reason::CredentialExpired),
            (Status::Active, _) if !self.allow_from.allow(from) => Err(Reason::AddressNotAllowed),
            (Status::Active, _) => Ok(()),
        }
    }
}

/// Whether a credential may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// It may.
    Active,
    /// Not until it is activated again.
    Suspended,
    /// Never again.
    Revoked,
}

impl Status {
    /// Its name: `active`, `suspended`, `revoked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }
}

/// What proves that somebody holds a credential.
#[derive(Clone)]
#[non_exhaustive]
pub enum StoredSecret {
    /// A key's secret.
    Key(KeyDigests),
    /// A password, as a PHC string (`$argon2id$…`).
    Password(Arc<str>),
    /// The signature of a managed token, which is checked before its record is looked at.
    Signature,
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key([redacted])",
            Self::Password(_) => "Password([redacted])",
            Self::Signature => "Signature",
        })
    }
}
