use std::time::Duration;

use crate::directory::PasswordHash;
use crate::scope::Scopes;

/// A change of one credential. The [module's page](super) has the rules.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// Rejects the credential until it is activated again.
    Suspend,
    /// Accepts a suspended credential again. Earlier tokens stay invalid.
    Activate,
    /// Rejects the credential permanently, and revokes the managed tokens that it created.
    Revoke {
        /// The reason, for the record.
        reason: Option<String>,
    },
    /// Deletes a revoked credential. Its tokens stay invalid.
    Delete,
    /// Replaces the scopes. Invalidates earlier tokens unless the new scopes contain the old ones.
    Scopes(Scopes),
    /// Replaces a user's password.
    Password(PasswordHash),
}

impl Change {
    /// Returns whether the change gives or keeps access, and therefore requires that the caller holds it.
    pub(super) const fn gives_access(&self) -> bool {
        match self {
            Self::Suspend | Self::Revoke { .. } | Self::Delete => false,
            Self::Activate | Self::Scopes(_) | Self::Password(_) => true,
        }
    }

    /// Returns the reason for which the managed tokens that the credential created are revoked; `None`: they are not.
    #[must_use]
    pub const fn revokes_created_tokens(&self) -> Option<&'static str> {
        match self {
            Self::Revoke { .. } => Some("the credential that created it was revoked"),
            _ => None,
        }
    }

    /// Returns the name used in the audit log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Activate => "activate",
            Self::Revoke { .. } => "revoke",
            Self::Delete => "delete",
            Self::Scopes(_) => "scopes",
            Self::Password(_) => "password",
        }
    }
}

/// How a key's previous secret is treated when the key gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// The previous secret stays valid for this long; zero ends it at once. Tokens stay valid.
    Grace(Duration),
    /// The previous secret was disclosed: it and every token minted from the key become invalid, and the managed tokens
    /// that it created are revoked.
    Compromised,
    /// As [`Compromised`](Self::Compromised), for a key whose managed tokens are known to be its owner's: they are kept.
    CompromisedKeepingTokens,
}

impl Rotation {
    /// Returns the reason for which the managed tokens that the key created are revoked; `None`: they are not.
    #[must_use]
    pub const fn revokes_created_tokens(self) -> Option<&'static str> {
        match self {
            Self::Compromised => Some("the key that created it was compromised"),
            Self::Grace(_) | Self::CompromisedKeepingTokens => None,
        }
    }
}
