use std::fmt;
use std::sync::Arc;

use crate::auth::authenticator::{Entry, Inner};
use crate::auth::{AuthLayer, Authenticator, BuildError};
use crate::credentials::{Carrier, Carriers};
use crate::mechanism::{CredentialSelector, Mechanism, PrimaryMechanism, sealed};
use crate::principal::PrincipalKind;
use crate::rejection::{Challenges, EmptyBody};
use crate::time::{Clock, SystemClock};
use crate::url::HttpUrl;

/// Builds an [`Authenticator`].
pub struct AuthenticatorBuilder {
    entries: Vec<Entry>,
    realm: Box<str>,
    resource_metadata: Option<Box<str>>,
    clock: Arc<dyn Clock>,
}

impl Default for AuthenticatorBuilder {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            realm: "countersign".into(),
            resource_metadata: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl AuthenticatorBuilder {
    /// Adds a mechanism for long-lived credentials, such as [`ApiKeys`](crate::mechanism::ApiKeys) and
    /// [`Basic`](crate::mechanism::Basic). Its principals are *primary*: tokens can be minted for
    /// them, and routes that require `primary()` accept them.
    #[must_use]
    pub fn primary(self, mechanism: impl PrimaryMechanism) -> Self {
        self.add(mechanism, PrincipalKind::Primary)
    }

    /// Adds a mechanism for credentials that are not primary, such as
    /// [`Jwt`](crate::mechanism::Jwt).
    #[must_use]
    pub fn mechanism(self, mechanism: impl Mechanism) -> Self {
        self.add(mechanism, PrincipalKind::Derived)
    }

    fn add(mut self, mechanism: impl Mechanism, kind: PrincipalKind) -> Self {
        self.entries.push(Entry {
            selectors: mechanism.selectors(),
            mechanism: Arc::new(mechanism),
            kind,
        });
        self
    }

    /// Sets the realm that challenges name (RFC 9110 §11.5). The default is `countersign`.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Sets the URL of this resource's metadata, which each `Bearer` challenge names (RFC 9728 §5.1),
    /// so that a client learns which issuers are accepted.
    #[must_use]
    pub fn resource_metadata(mut self, url: impl Into<Box<str>>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// Sets the clock. The default is the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the authenticator.
    ///
    /// # Errors
    ///
    /// * [`BuildError::NoMechanism`] if no mechanism was added.
    /// * [`BuildError::Conflict`] if two mechanisms select the same credentials.
    /// * [`BuildError::BearerAsPrimary`] if a primary mechanism may accept bearer tokens.
    /// * [`BuildError::PrimaryAsMechanism`] if a primary mechanism was not added with
    ///   [`primary`](Self::primary).
    /// * [`BuildError::Realm`] and [`BuildError::ResourceMetadata`] if a challenge cannot quote them.
    pub fn build(self) -> Result<Authenticator, BuildError> {
        if self.entries.is_empty() {
            return Err(BuildError::NoMechanism);
        }
        let quotable = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
        if !self.realm.bytes().all(quotable) {
            return Err(BuildError::Realm);
        }
        let metadata = self.resource_metadata.as_deref();
        if metadata.is_some_and(|url| HttpUrl::parse(url).is_err()) {
            return Err(BuildError::ResourceMetadata);
        }
        let mut challenges = Challenges::new(&self.realm, metadata);
        let mut carriers = Carriers::default();
        let mut selectors: Vec<&CredentialSelector> = Vec::new();
        for entry in &self.entries {
            let primary = entry.kind == PrincipalKind::Primary;
            if !primary && entry.mechanism.is_primary(sealed::Internal) {
                return Err(BuildError::PrimaryAsMechanism);
            }
            for selector in &entry.selectors {
                if selectors.iter().any(|other| other.overlaps(selector)) {
                    return Err(BuildError::Conflict(selector.carrier().clone()));
                }
                if primary && selector.may_select_bearer_tokens() {
                    return Err(BuildError::BearerAsPrimary);
                }
                carriers.declare(selector.carrier());
            }
            selectors.extend(&entry.selectors);
            let read: Vec<Carrier> = entry
                .selectors
                .iter()
                .map(|selector| selector.carrier().clone())
                .collect();
            challenges.add(&entry.mechanism.challenge(), read);
        }
        Ok(Authenticator(Arc::new(Inner {
            entries: self.entries.into(),
            carriers,
            challenges: Arc::new(challenges),
            clock: self.clock,
        })))
    }
}

impl fmt::Debug for AuthenticatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder")
            .field("realm", &self.realm)
            .field("mechanisms", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// Builds an [`AuthLayer`].
#[derive(Debug)]
pub struct AuthLayerBuilder<R = EmptyBody> {
    authenticator: AuthenticatorBuilder,
    reject_body: R,
}

impl AuthLayerBuilder {
    pub(super) fn new() -> Self {
        Self {
            authenticator: AuthenticatorBuilder::default(),
            reject_body: EmptyBody,
        }
    }
}

impl<R> AuthLayerBuilder<R> {
    fn map(mut self, f: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder) -> Self {
        self.authenticator = f(self.authenticator);
        self
    }

    /// Adds a mechanism for long-lived credentials. See [`AuthenticatorBuilder::primary`].
    #[must_use]
    pub fn primary(self, mechanism: impl PrimaryMechanism) -> Self {
        self.map(|authenticator| authenticator.primary(mechanism))
    }

    /// Adds a mechanism for credentials that are not primary. See
    /// [`AuthenticatorBuilder::mechanism`].
    #[must_use]
    pub fn mechanism(self, mechanism: impl Mechanism) -> Self {
        self.map(|authenticator| authenticator.mechanism(mechanism))
    }

    /// Sets the realm that challenges name. See [`AuthenticatorBuilder::realm`].
    #[must_use]
    pub fn realm(self, realm: impl Into<Box<str>>) -> Self {
        self.map(|authenticator| authenticator.realm(realm))
    }

    /// Sets the URL of this resource's metadata. See [`AuthenticatorBuilder::resource_metadata`].
    #[must_use]
    pub fn resource_metadata(self, url: impl Into<Box<str>>) -> Self {
        self.map(|authenticator| authenticator.resource_metadata(url))
    }

    /// Sets the clock. See [`AuthenticatorBuilder::clock`].
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.map(|authenticator| authenticator.clock(clock))
    }

    /// Sets the body of rejections. The default is no body. It also applies to the rejections of
    /// [`require`](crate::require::require) layers and extractors inside this layer.
    #[must_use]
    pub fn reject_body<N>(self, reject_body: N) -> AuthLayerBuilder<N> {
        AuthLayerBuilder {
            authenticator: self.authenticator,
            reject_body,
        }
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// A [`BuildError`], as [`AuthenticatorBuilder::build`] returns it.
    pub fn build(self) -> Result<AuthLayer<R>, BuildError> {
        Ok(AuthLayer {
            authenticator: self.authenticator.build()?,
            reject_body: self.reject_body,
        })
    }
}
