use std::borrow::Cow;
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
    /// Each of these is unmet, and required.
    All(Vec<Self>),
    /// Each of these is unmet, and one of them would be enough.
    Any(Vec<Self>),
}

impl UnmetRequirement {
    /// Returns what the reason and the challenge depend on. Of alternatives, it is that of the first. Of requirements that
    /// are all required, it is that of the first one that is more than scopes, or else every scope.
    pub(crate) fn cause(&self) -> Cow<'_, Self> {
        match self {
            Self::Any(list) => list.first().map_or(Cow::Owned(Self::Denied), Self::cause),
            Self::All(list) => {
                let mut scopes = String::new();
                for unmet in list {
                    let cause = unmet.cause();
                    let Self::Scope(scope) = &*cause else {
                        // Scopes alone would not be enough.
                        return cause;
                    };
                    let space = if scopes.is_empty() { "" } else { " " };
                    scopes.push_str(space);
                    scopes.push_str(scope);
                }
                Cow::Owned(Self::Scope(scopes))
            }
            _ => Cow::Borrowed(self),
        }
    }

    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::All(_) | Self::Any(_) => self.cause().reason(),
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
            Self::All(list) if list.iter().all(|each| matches!(each, Self::Scope(_))) => {
                self.cause().fmt(f)
            }
            Self::All(list) => join(f, list, ", and ", |each| matches!(each, Self::Any(_))),
            Self::Any(list) => join(f, list, ", or ", |each| matches!(each, Self::All(_))),
        }
    }
}

/// Writes the parts of a combined requirement, those that are combined in another way in parentheses.
fn join(
    f: &mut fmt::Formatter<'_>,
    list: &[UnmetRequirement],
    separator: &str,
    is_other: impl Fn(&UnmetRequirement) -> bool,
) -> fmt::Result {
    for (index, unmet) in list.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        match is_other(unmet) {
            true => write!(f, "({unmet})")?,
            false => write!(f, "{unmet}")?,
        }
    }
    Ok(())
}
