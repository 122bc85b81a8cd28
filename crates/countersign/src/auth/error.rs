use std::error::Error;
use std::fmt;

use crate::credentials::Carrier;
use crate::scope::InvalidScope;

/// An error in the configuration of an authenticator, a layer or a requirement. Every message says how
/// to correct it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// No mechanism was added.
    NoMechanism,
    /// Two mechanisms select the same credentials in this carrier, so that neither could be preferred.
    Conflict(Carrier),
    /// A mechanism that may accept bearer tokens was added as primary.
    BearerAsPrimary,
    /// A primary mechanism, such as `ApiKeys`, was added with `mechanism` instead of `primary`.
    PrimaryAsMechanism,
    /// The realm contains a quote, a backslash, or a character outside printable ASCII.
    Realm,
    /// The URL of the resource metadata is not an http(s) URL.
    ResourceMetadata,
    /// A required scope is not a valid scope.
    Scope(InvalidScope),
    /// `all` or `any` was given no requirement.
    EmptyRequirement,
    /// This path is not the path of a gRPC method (`/package.Service/Method`), or was given twice.
    Method(Box<str>),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMechanism => f.write_str("no mechanism: add at least one"),
            Self::Conflict(carrier) => write!(
                f,
                "two mechanisms select the same credentials of {carrier:?}: give API keys different \
                 prefixes, and put all token issuers into one `Jwt`"
            ),
            Self::BearerAsPrimary => f.write_str(
                "a mechanism that may accept bearer tokens cannot be primary: select keys by their \
                 prefix",
            ),
            Self::PrimaryAsMechanism => f.write_str(
                "API keys and Basic are primary mechanisms: add them with `primary`, not with \
                 `mechanism`",
            ),
            Self::Realm => f.write_str(
                "invalid realm: use printable ASCII characters without quotes and backslashes",
            ),
            Self::ResourceMetadata => f.write_str(
                "invalid resource metadata URL: use an http(s) URL of printable ASCII characters",
            ),
            Self::EmptyRequirement => f.write_str(
                "empty requirement: give `all` and `any` at least one requirement, or use `deny()`",
            ),
            Self::Method(path) => write!(
                f,
                "`{path}` is given twice or is not the path of a gRPC method: use \
                 `/package.Service/Method`"
            ),
            Self::Scope(invalid) => write!(f, "invalid required scope: {invalid}"),
        }
    }
}

impl Error for BuildError {}
