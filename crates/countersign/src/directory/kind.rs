/// The kind of a long-lived credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CredentialKind {
    /// An API key.
    Key,
    /// A user with a password.
    User,
    /// A managed token.
    Token,
}

impl CredentialKind {
    /// Returns `key`, `user` or `token`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
            Self::Token => "token",
        }
    }
}

/// The kind of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EnvironmentKind {
    /// For tests: its credentials create no production credentials.
    Sandbox,
    /// For production.
    Production,
}

impl EnvironmentKind {
    /// Returns `sandbox` or `production`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }
}
