/// The kinds of long-lived credentials.
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
    /// Its name: `key`, `user` or `token`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
            Self::Token => "token",
        }
    }
}

/// What an environment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EnvironmentKind {
    /// Trying things out.
    Sandbox,
    /// The real thing.
    Production,
}

impl EnvironmentKind {
    /// Its name: `sandbox` or `production`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }
}
