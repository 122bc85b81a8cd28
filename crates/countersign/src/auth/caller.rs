use http::Extensions;

use crate::principal::Principal;
use crate::rejection::{Rejection, UnmetRequirement};

/// The caller of a request inside of an [`AuthLayer`](crate::auth::AuthLayer).
pub(crate) enum Caller<'r> {
    Principal(&'r Principal),
    /// The request has no credentials, and the layer is optional. This is the rejection where they are required.
    Anonymous(&'r Rejection),
}

/// Marks a request without credentials that an optional layer has passed on.
#[derive(Clone)]
pub(super) struct Anonymous(pub(super) Rejection);

impl<'r> Caller<'r> {
    /// Returns the caller, or the rejection of a request that no layer has seen.
    pub(crate) fn of(extensions: &'r Extensions) -> Result<Self, Rejection> {
        match (extensions.get::<Principal>(), extensions.get::<Anonymous>()) {
            (Some(principal), _) => Ok(Self::Principal(principal)),
            (None, Some(Anonymous(rejection))) => Ok(Self::Anonymous(rejection)),
            (None, None) => Err(Rejection::layer_missing()),
        }
    }

    pub(crate) fn principal(&self) -> Option<&'r Principal> {
        match self {
            Self::Principal(principal) => Some(principal),
            Self::Anonymous(_) => None,
        }
    }

    pub(crate) fn reject(&self, unmet: &UnmetRequirement) -> Rejection {
        match self {
            Self::Principal(principal) => principal.reject_unmet(unmet),
            Self::Anonymous(rejection) => (*rejection).clone(),
        }
    }
}
