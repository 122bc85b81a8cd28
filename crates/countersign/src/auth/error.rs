use crate::credentials::Carrier;
use crate::scope::InvalidScope;

/// An error in the configuration of an authenticator, a layer or a requirement. Every message says how
/// to correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No mechanism was added.
    #[error("no mechanism: add at least one")]
    NoMechanism,
    /// Two mechanisms select the same credentials in this carrier, so that neither could be preferred.
    #[error(
        "two mechanisms select the same credentials of {0:?}: give API keys different prefixes (`Peppers::with_prefix`; \
         another header is not enough, since token endpoints also read keys in bodies), put all token issuers into one \
         `Jwt`, accept opaque tokens of one issuer, and let a mechanism of your own select another header, or keys of \
         another prefix (`CredentialSelector`)"
    )]
    Conflict(Carrier),
    /// A mechanism that may accept bearer tokens, or reads a cookie, was added as primary.
    #[error(
        "a mechanism that may accept bearer tokens or reads a cookie cannot be primary: select keys by their prefix"
    )]
    BearerAsPrimary,
    /// A primary mechanism, such as `ApiKeys`, was added with `mechanism` instead of `primary`.
    #[error(
        "API keys, Basic and mapped client certificates are primary mechanisms: add them with `primary`, not with `mechanism`"
    )]
    PrimaryAsMechanism,
    /// The realm contains a quote, a backslash, or a character outside printable ASCII.
    #[error("invalid realm: use printable ASCII characters without quotes and backslashes")]
    Realm,
    /// The URL of the resource metadata is not an http(s) URL.
    #[error("invalid resource metadata URL: use an http(s) URL of printable ASCII characters")]
    ResourceMetadata,
    /// A required scope is not a valid scope.
    #[error("invalid required scope: {0}")]
    Scope(InvalidScope),
    /// The name of a required claim is empty.
    #[error("name the required claim: a path has at least one name, and no empty one")]
    Claim,
    /// `all` or `any` was given no requirement.
    #[error("empty requirement: give `all` and `any` at least one requirement, or use `deny()`")]
    EmptyRequirement,
    /// This path is not the path of a gRPC method (`/package.Service/Method`), or was given twice.
    #[error(
        "`{0}` is given twice or is not the path of a gRPC method: use `/package.Service/Method`"
    )]
    Method(Box<str>),
}
