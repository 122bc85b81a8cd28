use std::time::Duration;

use crate::principal::{PrimaryPrincipal, Principal};
use crate::scope::Scopes;

/// A request for a token, for a principal that was authenticated with a long-lived credential.
#[derive(Clone, Debug)]
pub struct MintRequest {
    pub(super) principal: Principal,
    pub(super) parameters: MintParameters,
}

impl MintRequest {
    /// Creates a request. Only a [`PrimaryPrincipal`] is accepted, so that a bearer token cannot mint.
    #[must_use]
    pub fn new(principal: PrimaryPrincipal, parameters: MintParameters) -> Self {
        Self {
            principal: principal.into(),
            parameters,
        }
    }
}

/// The requested properties of a token.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MintParameters {
    /// The scopes; `None`: all scopes of the credential.
    pub scopes: Option<Scopes>,
    /// The lifetime; `None`: the issuer's default.
    pub lifetime: Option<Duration>,
    /// The audience, one of the issuer's (RFC 8707 §2); `None`: the first.
    pub resource: Option<String>,
}

impl MintParameters {
    /// Sets the scopes.
    #[must_use]
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// Sets the lifetime.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Sets the audience (RFC 8707 §2).
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }
}
