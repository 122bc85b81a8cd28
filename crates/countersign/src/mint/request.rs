use std::time::Duration;

use crate::principal::PrimaryPrincipal;
use crate::scope::Scopes;

/// A request for a token, for a principal that a long-lived credential proved.
#[derive(Clone, Debug)]
pub struct MintRequest {
    pub(super) principal: PrimaryPrincipal,
    pub(super) parameters: MintParameters,
}

impl MintRequest {
    /// The only way to one: a bearer's principal does not fit.
    #[must_use]
    pub fn new(principal: PrimaryPrincipal, parameters: MintParameters) -> Self {
        Self {
            principal,
            parameters,
        }
    }
}

/// What is asked of a token.
#[derive(Clone, Debug, Default)]
pub struct MintParameters {
    /// Its scopes; `None`: all that the credential holds.
    pub scopes: Option<Scopes>,
    /// How long it lives; `None`: the issuer's default.
    pub lifetime: Option<Duration>,
    /// Which of the issuer's audiences it is for (RFC 8707 §2); `None`: the first.
    pub resource: Option<String>,
}
