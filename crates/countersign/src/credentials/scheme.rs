/// How the caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// A bearer token (RFC 6750).
    Bearer,
    /// An API key.
    ApiKey,
    /// A user name and password, or a key's id and secret, as Basic (RFC 7617) or as a pair.
    Basic,
    /// A mechanism of the user's own.
    Custom(&'static str),
}

impl Scheme {
    /// `bearer`, `api_key`, `basic`, or the custom scheme's own name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
            Self::Custom(name) => name,
        }
    }
}
