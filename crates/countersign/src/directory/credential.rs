use std::net::IpAddr;
use std::sync::Arc;

use crate::directory::{CredentialKind, EnvironmentKind, Issuers, Networks, StoredSecret};
use crate::id::Id;
use crate::reason::Reason;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// A long-lived credential in a directory: everything that authentication needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credential {
    /// The credential's id, which is also `sub` and `client_id` of the tokens minted from it.
    pub id: Id,
    /// Its display name, or a user's login name.
    pub name: Option<Arc<str>>,
    /// The account that it belongs to.
    pub account: Id,
    /// The account's generation.
    pub account_generation: u32,
    /// The environment that it belongs to; `None`: the whole account.
    pub environment: Option<Id>,
    /// The environment's kind; production without an environment.
    pub environment_kind: EnvironmentKind,
    /// Its generation. Tokens of lower generations are rejected.
    pub generation: u32,
    /// Whether it is accepted. In a revoked account, this is [`Status::Revoked`].
    pub status: Status,
    /// Its scopes.
    pub scopes: Scopes,
    /// The networks that it is accepted from.
    pub allow_from: Networks,
    /// The issuers that it may use.
    pub issuers: Issuers,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// The digest of the key's secret, or the hash of the password.
    pub secret: StoredSecret,
}

impl Credential {
    /// Creates an active credential of generation 1, in an account of generation 1 and no
    /// environment, that does not expire, may be presented from any network and use all issuers.
    #[must_use]
    pub const fn new(id: Id, account: Id, scopes: Scopes, secret: StoredSecret) -> Self {
        Self {
            id,
            name: None,
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

    /// Returns the kind of the credential.
    #[must_use]
    pub const fn kind(&self) -> CredentialKind {
        match self.secret {
            StoredSecret::Key(_) | StoredSecret::ImportedKey(_) => CredentialKind::Key,
            StoredSecret::Password(_) => CredentialKind::User,
            StoredSecret::Signature => CredentialKind::Token,
        }
    }

    /// Checks everything but the secret: status, expiry and network.
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

/// Whether a credential is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// It is accepted.
    Active,
    /// It is rejected until it is activated again.
    Suspended,
    /// It is rejected permanently.
    Revoked,
}

impl Status {
    /// Returns `active`, `suspended` or `revoked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }
}
