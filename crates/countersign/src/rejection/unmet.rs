use std::fmt;

use crate::reason::Reason;

/// A requirement that a principal does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnmetRequirement {
    /// The principal lacks these scopes, separated by spaces.
    Scope(String),
    /// A claim lacks what this text says.
    Claim(String),
    /// There is no token whose claims could be read.
    #[cfg(feature = "axum")]
    Token,
    /// The claims do not fit the type that reads them, as this text says.
    #[cfg(feature = "axum")]
    Claims(String),
    Issuer(Box<str>),
    /// The predicate with this label does not hold.
    Predicate(&'static str),
    Primary,
    /// There is no principal.
    Principal,
    Denied,
}

impl UnmetRequirement {
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Scope(_) => Reason::ScopeMissing,
            Self::Claim(_) => Reason::ClaimMissing,
            #[cfg(feature = "axum")]
            Self::Token | Self::Claims(_) => Reason::ClaimsUnfit,
            Self::Issuer(_) => Reason::IssuerRequired,
            Self::Predicate(label) => Reason::Unmet(label),
            Self::Primary => Reason::PrimaryRequired,
            Self::Principal => Reason::NoCredentials,
            Self::Denied => Reason::Denied,
        }
    }
}

impl UnmetRequirement {
    /// Returns whether the configuration or the code of the service looks wrong.
    pub(crate) fn looks_misconfigured(&self) -> bool {
        match self {
            #[cfg(feature = "axum")]
            Self::Claims(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for UnmetRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(scope) => write!(f, "the scope `{scope}` is required"),
            Self::Claim(lack) => f.write_str(lack),
            #[cfg(feature = "axum")]
            Self::Token => f.write_str("a token is required"),
            #[cfg(feature = "axum")]
            Self::Claims(lack) => f.write_str(lack),
            Self::Issuer(url) => write!(f, "a token of the issuer {url} is required"),
            Self::Predicate(label) => write!(f, "the requirement {label} is not met"),
            Self::Primary => f.write_str("a long-lived credential is required"),
            Self::Principal => f.write_str("a principal is required"),
            Self::Denied => f.write_str("no principal is permitted"),
        }
    }
}
