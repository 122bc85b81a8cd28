use std::ops::{BitAnd, BitOr};

use crate::auth::{BuildError, count_requirement};
use crate::principal::Principal;
use crate::rejection::{Rejection, UnmetRequirement};
use crate::scope::{InvalidScope, Scope};

/// A requirement of a route on the principal. Combine requirements with `&` and `|`.
#[derive(Clone, Debug)]
pub struct Requirement(Node);

#[derive(Clone, Debug)]
enum Node {
    /// An invalid scope is an error when the layer is built.
    Scope(Result<Scope, InvalidScope>),
    Primary,
    Deny,
    All(Vec<Requirement>),
    Any(Vec<Requirement>),
}

/// Requires that the principal's scopes grant `scope`.
#[must_use]
pub fn scope(scope: impl AsRef<str>) -> Requirement {
    Requirement(Node::Scope(scope.as_ref().parse()))
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
        self.validate().map_err(|_| Rejection::layer_missing())?;
        let result = self.evaluate(principal);
        let result = result.map_err(|unmet| principal.reject(unmet));
        count_requirement(&result);
        result
    }

    /// Returns an error unless every scope is valid, and no list is empty.
    pub(super) fn validate(&self) -> Result<(), BuildError> {
        match &self.0 {
            Node::Scope(Err(invalid)) => Err(BuildError::Scope(*invalid)),
            Node::Scope(Ok(_)) | Node::Primary | Node::Deny => Ok(()),
            Node::All(list) | Node::Any(list) if list.is_empty() => {
                Err(BuildError::EmptyRequirement)
            }
            Node::All(list) | Node::Any(list) => list.iter().try_for_each(Self::validate),
        }
    }

    /// Checks the requirement.
    ///
    /// # Errors
    ///
    /// The unmet requirement. For `all` it names every missing scope; for `any` it is that of the
    /// first alternative.
    pub(super) fn evaluate(&self, principal: &Principal) -> Result<(), UnmetRequirement> {
        match &self.0 {
            Node::Scope(Ok(scope)) if principal.scopes().grants(scope) => Ok(()),
            Node::Scope(Ok(scope)) => Err(UnmetRequirement::Scope(scope.to_string())),
            Node::Primary if principal.is_primary() => Ok(()),
            Node::Primary => Err(UnmetRequirement::Primary),
            Node::Deny | Node::Scope(Err(_)) => Err(UnmetRequirement::Denied),
            Node::All(list) => {
                let mut unmet = None;
                for requirement in list {
                    unmet = match (unmet, requirement.evaluate(principal)) {
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
            Node::Any(list) => {
                let mut results = list.iter().map(|one| one.evaluate(principal));
                let first = results.next().unwrap_or(Err(UnmetRequirement::Denied));
                first.or_else(|unmet| {
                    let met = results.any(|result| result.is_ok());
                    met.then_some(()).ok_or(unmet)
                })
            }
        }
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
