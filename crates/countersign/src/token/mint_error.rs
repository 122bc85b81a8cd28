use crate::scope::Scopes;

/// The reason why no token was minted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The requested lifetime is zero or longer than the maximum.
    #[error("the lifetime is zero or longer than the longest allowed")]
    Lifetime,
    /// These scopes were requested, but the credential does not hold them, or they are not in the catalogue of
    /// the issuer.
    #[error("a scope is not held by the credential, or not one of the issuer's")]
    Scope(Scopes),
    /// The requested resource is not an audience of the issuer (RFC 8707 §2, `invalid_target`).
    #[error("the resource is none of the issuer's audiences")]
    Audience,
    /// The principal has no account, since a mechanism without stored credentials authenticated it.
    #[error("tokens are minted for credentials with an account")]
    Principal,
    /// The credential expires in less than a second.
    #[error("the credential has expired")]
    Expired,
    /// None of the issuer's signing keys is active yet.
    #[error("no key of the issuer signs yet")]
    NoKey,
    /// Signing failed, or the random number generator did.
    #[error("signing failed")]
    Failed,
}
