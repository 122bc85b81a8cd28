use std::fmt;
use std::ops::{BitAnd, BitOr};
use std::sync::Arc;

use crate::auth::{BuildError, count_requirement};
use crate::principal::{ClaimPath, Principal};
use crate::rejection::{Rejection, UnmetRequirement};
use crate::scope::check_scope_token;

/// A requirement of a route on the principal. Combine requirements with `&` and `|`.
#[derive(Clone, Debug)]
pub struct Requirement(Node);

#[derive(Clone, Debug)]
enum Node {
    Scope(Box<str>),
    Claim(ClaimPath, Box<str>),
    Issuer(Box<str>),
    Predicate(Predicate),
    Primary,
    Public,
    Deny,
    All(Vec<Requirement>),
    Any(Vec<Requirement>),
}

#[derive(Clone)]
struct Predicate {
    label: &'static str,
    holds: Arc<dyn Fn(&Principal) -> bool + Send + Sync>,
}

/// Requires that the principal's scopes grant `scope`, which consists of any characters that RFC 6749 §3.3 allows.
#[must_use]
pub fn scope(scope: impl Into<Box<str>>) -> Requirement {
    Requirement(Node::Scope(scope.into()))
}

/// Begins a requirement on a claim of the token. A path into objects is an array of names.
///
/// ```
/// use countersign::require::{claim, issuer};
///
/// let admin = claim(["realm_access", "roles"]).contains("admin");
/// // Of several issuers, only this one may name its organization.
/// let staff = issuer("https://accounts.google.com") & claim("hd").contains("acme.example");
/// # let _ = (admin, staff);
/// ```
pub fn claim(path: impl Into<ClaimPath>) -> ClaimRequirement {
    ClaimRequirement(path.into())
}

/// The claim of a requirement. See [`claim`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ClaimRequirement(ClaimPath);

impl ClaimRequirement {
    /// Requires that the claim is the string `text`, or an array in which one element is this string. A claim of another
    /// type does not meet it.
    pub fn contains(self, text: impl Into<Box<str>>) -> Requirement {
        Requirement(Node::Claim(self.0, text.into()))
    }
}

/// Requires that the token is one of this issuer. For a trust domain it is `spiffe://` and its name.
#[must_use]
pub fn issuer(url: impl Into<Box<str>>) -> Requirement {
    Requirement(Node::Issuer(url.into()))
}

/// Requires that a function of your own returns `true`. `label` names the requirement in logs and metrics.
///
/// ```
/// use countersign::require::{predicate, scope};
///
/// let requirement = scope("calls:read") & predicate("confirmed", |principal| {
///     principal.claim::<bool>("confirmed").unwrap_or(false)
/// });
/// # let _ = requirement;
/// ```
#[must_use]
pub fn predicate(
    label: &'static str,
    holds: impl Fn(&Principal) -> bool + Send + Sync + 'static,
) -> Requirement {
    let holds = Arc::new(holds);
    Requirement(Node::Predicate(Predicate { label, holds }))
}

/// Requires that a long-lived credential authenticated the principal, not a token.
#[must_use]
pub fn primary() -> Requirement {
    Requirement(Node::Primary)
}

/// Accepts every request, also one without a principal in an [optional](crate::auth::AuthLayer::optional) layer. It is
/// for public methods in [`require_methods`](super::require_methods).
#[must_use]
pub fn public() -> Requirement {
    Requirement(Node::Public)
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
        let unmet = self.unmet(Some(principal));
        let result = unmet.map_err(|unmet| principal.reject_unmet(&unmet));
        count_requirement(&result);
        result
    }

    /// Checks that a principal could meet the requirement.
    pub(super) fn validate(&self) -> Result<(), BuildError> {
        match &self.0 {
            Node::Scope(scope) => check_scope_token(scope).map_err(BuildError::Scope),
            Node::Claim(path, _) if !path.is_valid() => Err(BuildError::Claim),
            Node::All(list) | Node::Any(list) if list.is_empty() => {
                Err(BuildError::EmptyRequirement)
            }
            Node::All(list) | Node::Any(list) => list.iter().try_for_each(Self::validate),
            _ => Ok(()),
        }
    }

    /// Checks the requirement.
    ///
    /// # Errors
    ///
    /// The unmet requirement: for `all` every part that is unmet, for `any` every alternative.
    pub(super) fn unmet(&self, principal: Option<&Principal>) -> Result<(), UnmetRequirement> {
        let require = |is_met: bool, unmet: &dyn Fn() -> UnmetRequirement| {
            is_met.then_some(()).ok_or_else(unmet)
        };
        let Some(caller) = principal else {
            return match &self.0 {
                Node::Public => Ok(()),
                Node::All(list) => list.iter().try_for_each(|each| each.unmet(None)),
                Node::Any(list) if list.iter().any(|each| each.unmet(None).is_ok()) => Ok(()),
                _ => Err(UnmetRequirement::Principal),
            };
        };
        match &self.0 {
            Node::Scope(scope) => require(caller.scopes().grants_text(scope), &|| {
                UnmetRequirement::Scope(scope.to_string())
            }),
            Node::Claim(path, text) => {
                require(path.contains(caller.claims_object(), text), &|| {
                    UnmetRequirement::Claim(format!("`{text}` is required in the claim {path}"))
                })
            }
            Node::Issuer(url) => require(caller.issuer() == Some(&**url), &|| {
                UnmetRequirement::Issuer(url.clone())
            }),
            Node::Predicate(Predicate { label, holds }) => {
                require(holds(caller), &|| UnmetRequirement::Predicate(label))
            }
            Node::Primary => require(caller.is_primary(), &|| UnmetRequirement::Primary),
            Node::Public => Ok(()),
            Node::Deny => Err(UnmetRequirement::Denied),
            Node::All(list) => {
                let unmet = list.iter().filter_map(|each| each.unmet(principal).err());
                let mut unmet: Vec<_> = unmet.collect();
                match unmet.pop() {
                    None => Ok(()),
                    Some(only) if unmet.is_empty() => Err(only),
                    Some(last) => {
                        unmet.push(last);
                        Err(UnmetRequirement::All(unmet))
                    }
                }
            }
            Node::Any(list) => {
                let mut unmet = Vec::new();
                for requirement in list {
                    match requirement.unmet(principal) {
                        Ok(()) => return Ok(()),
                        Err(each) => unmet.push(each),
                    }
                }
                Err(UnmetRequirement::Any(unmet))
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

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label)
    }
}
