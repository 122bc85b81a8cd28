use std::time::Duration;

/// An error in the configuration of a trusted issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The URL is empty.
    #[error("set the URL of the issuer")]
    NoUrl,
    /// There is no audience, or an empty one.
    #[error("set at least one audience, and no empty one")]
    NoAudience,
    /// There is no key.
    #[error("set at least one key of the issuer")]
    NoKey,
    /// HMAC secrets and public keys are mixed (RFC 8725 §3.1).
    #[error("do not mix HMAC secrets and public keys")]
    MixedKeys,
    /// The leeway is longer than this maximum.
    #[error("the leeway is at most {} s", .0.as_secs())]
    Leeway(Duration),
    /// The URL has no `{tenantid}` and there are tenants, or the other way round.
    #[error(
        "an issuer of several tenants has `{{tenantid}}` in its URL, and a list of tenants or `dangerous::any_tenant`"
    )]
    Tenants,
    /// `email` is the subject and any tenant is accepted: each tenant could name any address.
    #[error("`email` cannot be the subject if any tenant is accepted: list the tenants")]
    EmailOfAnyTenant,
    /// The name of the trust domain is not one (SPIFFE ID §2.1).
    #[error(
        "a trust domain has the letters a-z, digits, `.`, `-` and `_`, and at most 255 of them"
    )]
    TrustDomain,
    /// The name of a claim is empty.
    #[error("name the claims: a path has at least one name, and no empty one")]
    Claim,
    /// A type of tokens is empty, or that of tokens for another purpose.
    #[error(
        "tokens of this type are never access tokens: accept `at+jwt`, `JWT` or a type of your own"
    )]
    Type,
    /// The longest token is shorter than 1 KiB or longer than 64 KiB.
    #[error("the longest token has 1,024 to 65,536 bytes")]
    MaxTokenLen,
    /// An option for external issuers was set for an own one.
    #[error("options of claims, types, scopes, tenants and length are for external issuers only")]
    OwnIssuer,
    /// The longest lifetime is zero or more than 366 days.
    #[error("the longest lifetime is 1 s to 366 days")]
    MaxLifetime,
}
