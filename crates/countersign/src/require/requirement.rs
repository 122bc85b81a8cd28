use std::ops::{BitAnd, BitOr};

use crate::auth::{BuildError, count_requirement};
use crate::principal::Principal;
use crate::rejection::{Rejection, UnmetRequirement};
use crate::scope::Scope;

/// A requirement of a route on the principal. Combine requirements with `&` and `|`.
#[derive(Clone, Debug)]
pub struct Requirement(Node);

#[derive(Clone, Debug)]
enum Node {
    Scope(String),
    Primary,
    Deny,
    All(Vec<Requirement>),
    Any(Vec<Requirement>),
}

/// Requires that the principal's scopes grant `scope`.
#[must_use]
pub fn scope(scope: impl Into<String>) -> Requirement {
    Requirement(Node::Scope(scope.into()))
}

/// Requires that a long-lived credential authenticated the principal, not a token.
#[must_use]
pub fn primary() -> Requirement {
    Requirement(Node::Primary)
}

/// Rejects every principal.
#[must_use]
pub fn deny() -> Requirement {
    Requirement(Node::Deny)
}

/// Requires that all requirements are met. An empty list is an error when the layer is built.
#[must_use]
pub fn all(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    Requirement(Node::All(requirements.into_iter().collect()))
}

/// Requires that one of the requirements is met. An empty list is an error when the layer is built.
#[must_use]
pub fn any(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    Requirement(Node::Any(requirements.into_iter().collect()))
}

impl Requirement {
    /// Checks a principal, for services that authenticate requests without a layer.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] that a [`RequireLayer`](super::RequireLayer) would respond with. Its kind is `Misconfigured` if
    /// no layer could be built with this requirement.
    pub fn check(&self, principal: &Principal) -> Result<(), Rejection> {
        let check = Check::new(self).map_err(|_| Rejection::layer_missing())?;
        let unmet = check.check(principal);
        let result = unmet.map_err(|unmet| principal.reject(unmet));
        count_requirement(&result);
        result
    }
}

impl BitAnd for Requirement {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        all([self, other])
    }
}

impl BitOr for Requirement {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        any([self, other])
    }
}

/// A requirement whose scopes were checked when the layer was built.
#[derive(Clone, Debug)]
pub(super) enum Check {
    Scope(Scope),
    Primary,
    Deny,
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Check {
    pub(super) fn new(requirement: &Requirement) -> Result<Self, BuildError> {
        let each = |list: &[Requirement]| match list {
            [] => Err(BuildError::EmptyRequirement),
            list => list.iter().map(Self::new).collect(),
        };
        Ok(match &requirement.0 {
            Node::Scope(text) => Self::Scope(text.parse().map_err(BuildError::Scope)?),
            Node::Primary => Self::Primary,
            Node::Deny => Self::Deny,
            Node::All(list) => Self::All(each(list)?),
            Node::Any(list) => Self::Any(each(list)?),
        })
    }

    /// Checks the requirement.
    ///
    /// # Errors
    ///
    /// The unmet requirement. For `all` it names every missing scope; for `any` it is that of the
    /// first alternative.
    pub(super) fn check(&self, principal: &Principal) -> Result<(), UnmetRequirement> {
        match self {
            Self::Scope(scope) if principal.scopes().grants(scope) => Ok(()),
            Self::Scope(scope) => Err(UnmetRequirement::Scope(scope.to_string())),
            Self::Primary if principal.is_primary() => Ok(()),
            Self::Primary => Err(UnmetRequirement::Primary),
            Self::Deny => Err(UnmetRequirement::Denied),
            Self::All(list) => {
                let mut unmet = None;
                for check in list {
                    unmet = match (unmet, check.check(principal)) {
                        (unmet, Ok(())) => unmet,
                        (Some(UnmetRequirement::Scope(a)), Err(UnmetRequirement::Scope(b))) => {
                            Some(UnmetRequirement::Scope(format!("{a} {b}")))
                        }
                        // Scopes alone would not be enough.
                        (None | Some(UnmetRequirement::Scope(_)), Err(unmet)) => Some(unmet),
                        (unmet, Err(_)) => unmet,
                    };
                }
                unmet.map_or(Ok(()), Err)
            }
            Self::Any(list) => {
                let mut first = UnmetRequirement::Denied;
                for (i, check) in list.iter().enumerate() {
                    match check.check(principal) {
                        Ok(()) => return Ok(()),
                        Err(unmet) if i == 0 => first = unmet,
                        Err(_) => {}
                    }
                }
                Err(first)
            }
        }
    }
}
