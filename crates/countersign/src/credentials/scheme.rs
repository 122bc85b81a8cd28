/// The kind of credentials that authenticated a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// A bearer token (RFC 6750).
    Bearer,
    /// An API key.
    ApiKey,
    /// A user name and password, or the id and secret of an API key, in `Authorization: Basic`
    /// (RFC 7617) or in a body.
    Basic,
    /// A client certificate (RFC 8446 §4.4.2).
    ClientCertificate,
    /// A mechanism of the user's own.
    Custom(&'static str),
}

impl Scheme {
    /// Returns `bearer`, `api_key`, `basic`, `client_certificate`, or the custom scheme's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
            Self::ClientCertificate => "client_certificate",
            Self::Custom(name) => name,
        }
    }
}
