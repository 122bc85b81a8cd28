use std::fmt;

use crate::scope::Scopes;

/// Why no token was minted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MintError {
    /// The lifetime asked for is zero or longer than the longest.
    Lifetime,
    /// These scopes were asked for, and the credential does not hold them, or they are not in the issuer's
    /// catalogue.
    Scope(Scopes),
    /// The resource asked for is none of the issuer's audiences (RFC 8707 §2, `invalid_target`).
    Audience,
    /// The principal has no account: what judged it is not a mechanism over our own credentials.
    Principal,
    /// The credential expires before a token could live a second.
    Expired,
    /// None of the issuer's keys signs yet.
    NoKey,
    /// Signing failed, or no random bytes could be had.
    Failed,
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lifetime => "the lifetime is zero or longer than the longest allowed",
            Self::Scope(_) => "a scope is not held by the credential, or not one of the issuer's",
            Self::Audience => "the resource is none of the issuer's audiences",
            Self::Principal => "tokens are minted for credentials with an account",
            Self::Expired => "the credential has expired",
            Self::NoKey => "no key of the issuer signs yet",
            Self::Failed => "signing failed",
        })
    }
}

impl std::error::Error for MintError {}
