use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::auth::{AuthLayer, EngineBuilder};
use crate::credentials::Carrier;
use crate::mechanism::{Mechanism, PrimaryMechanism};
use crate::principal::PrincipalKind;
use crate::rejection::EmptyBody;
use crate::time::Clock;

/// Builds an [`AuthLayer`].
#[derive(Debug)]
pub struct AuthBuilder<R = EmptyBody> {
    engine: EngineBuilder,
    reject_body: R,
}

impl AuthBuilder {
    pub(super) fn new() -> Self {
        Self {
            engine: EngineBuilder::default(),
            reject_body: EmptyBody,
        }
    }
}

impl<R> AuthBuilder<R> {
    /// Adds a mechanism whose principals are *primary*: tokens may be minted for them, and routes
    /// that require `primary()` let them in.
    #[must_use]
    pub fn primary(mut self, mechanism: impl PrimaryMechanism) -> Self {
        self.engine.add(mechanism, PrincipalKind::Primary);
        self
    }

    /// Adds any mechanism. Its principals are not primary, whatever it is.
    #[must_use]
    pub fn mechanism(mut self, mechanism: impl Mechanism) -> Self {
        self.engine.add(mechanism, PrincipalKind::Derived);
        self
    }

    /// The realm named in challenges (RFC 9110 §11.5); by default `countersign`.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.engine.realm(realm.into());
        self
    }

    /// Where the metadata of this resource is, told to bearers in each challenge (RFC 9728 §5.1), so that a client
    /// learns whose tokens are taken here.
    #[must_use]
    pub fn resource_metadata(mut self, url: impl Into<Box<str>>) -> Self {
        self.engine.resource_metadata(url.into());
        self
    }

    /// The clock to judge by; by default the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.engine.clock(clock);
        self
    }

    /// The body of rejections; by default none.
    #[must_use]
    pub fn reject_body<N>(self, reject_body: N) -> AuthBuilder<N> {
        AuthBuilder {
            engine: self.engine,
            reject_body,
        }
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when it would let everybody in or nobody know whom: no mechanism, two that
    /// claim the same credentials, bearer tokens added as primary, or a realm that cannot be quoted.
    pub fn build(self) -> Result<AuthLayer<R>, BuildError> {
        Ok(AuthLayer {
            engine: Arc::new(self.engine.build()?),
            reject_body: self.reject_body,
        })
    }
}

/// Why a layer cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// No mechanism was added.
    NoMechanism,
    /// Two mechanisms claim the same credentials of this carrier.
    Conflict(Carrier),
    /// A mechanism that may take bearer tokens was added as primary.
    BearerAsPrimary,
    /// The realm has a quote, a backslash, or a character outside printable ASCII.
    Realm,
    /// The URL of the resource's metadata is none, or cannot be quoted.
    ResourceMetadata,
    /// A required scope is not a scope.
    Scope(crate::scope::InvalidScope),
    /// `all` or `any` of nothing is required.
    EmptyRequirement,
    /// This is no path of a gRPC method, or it was named twice.
    Method(Box<str>),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMechanism => f.write_str("add at least one mechanism"),
            Self::Conflict(carrier) => write!(
                f,
                "two mechanisms claim the same credentials of {carrier:?}: give keys different \
                 prefixes, and put all issuers of tokens into one `Jwt`"
            ),
            Self::BearerAsPrimary => f.write_str(
                "a mechanism that may take bearer tokens cannot be primary: claim keys by prefix",
            ),
            Self::Realm => f.write_str("a realm is printable ASCII without quote and backslash"),
            Self::ResourceMetadata => {
                f.write_str("the metadata of a resource is at an http(s) URL of printable ASCII")
            }
            Self::EmptyRequirement => f.write_str(
                "`all` and `any` take at least one requirement; `deny()` closes a route",
            ),
            Self::Method(path) => write!(
                f,
                "{path} is no gRPC method, `/package.Service/Method`, or is named twice"
            ),
            Self::Scope(invalid) => write!(f, "a required scope is not one: {invalid}"),
        }
    }
}

impl Error for BuildError {}
