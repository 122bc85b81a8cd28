use std::fmt;
use std::sync::Arc;

use crate::auth::authenticator::{Entry, Inner};
use crate::auth::{Authenticator, BuildError};
use crate::credentials::Carriers;
use crate::mechanism::{CredentialSelector, Mechanism, PrimaryMechanism, sealed};
use crate::principal::{PrincipalKind, Verifier};
use crate::rejection::Challenges;
use crate::time::{Clock, SystemClock};
use crate::url::HttpUrl;

/// Builds an [`Authenticator`], or an [`AuthLayer`](crate::auth::AuthLayer) with an authenticator of its own.
pub struct AuthenticatorBuilder<T = Authenticator> {
    entries: Vec<Added>,
    realm: Box<str>,
    resource_metadata: Option<Box<str>>,
    clock: Arc<dyn Clock>,
    finish: fn(Authenticator) -> T,
}

/// A mechanism that was added.
struct Added {
    mechanism: Arc<dyn Mechanism>,
    selectors: Vec<CredentialSelector>,
    kind: PrincipalKind,
}

impl Added {
    fn build(self, index: usize, challenges: &Arc<Challenges>) -> Entry {
        let selectors = self.selectors.into_iter().map(|selector| {
            let verifier = Verifier {
                mechanism: index,
                carrier: selector.carrier().clone(),
                kind: self.kind,
                challenges: Arc::clone(challenges),
            };
            (selector, Arc::new(verifier))
        });
        Entry {
            selectors: selectors.collect(),
            mechanism: self.mechanism,
        }
    }
}

impl<T> AuthenticatorBuilder<T> {
    pub(super) fn new(finish: fn(Authenticator) -> T) -> Self {
        Self {
            entries: Vec::new(),
            realm: "countersign".into(),
            resource_metadata: None,
            clock: Arc::new(SystemClock),
            finish,
        }
    }

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
        self.entries.push(Added {
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

    /// Builds the authenticator or layer.
    ///
    /// # Errors
    ///
    /// * [`BuildError::NoMechanism`] if no mechanism was added.
    /// * [`BuildError::Conflict`] if two mechanisms select the same credentials.
    /// * [`BuildError::BearerAsPrimary`] if a primary mechanism may accept bearer tokens, or reads a cookie.
    /// * [`BuildError::PrimaryAsMechanism`] if a primary mechanism was not added with
    ///   [`primary`](Self::primary).
    /// * [`BuildError::Realm`] and [`BuildError::ResourceMetadata`] if a challenge cannot quote them.
    pub fn build(self) -> Result<T, BuildError> {
        if self.entries.is_empty() {
            return Err(BuildError::NoMechanism);
        }
        check_realm(&self.realm)?;
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
            let read = entry
                .selectors
                .iter()
                .map(|selector| selector.carrier().clone());
            challenges.add(&entry.mechanism.challenge(), read.collect());
        }
        let challenges = Arc::new(challenges.prepared());
        let entries = self.entries.into_iter().enumerate();
        let entries = entries.map(|(index, added)| added.build(index, &challenges));
        Ok((self.finish)(Authenticator(Arc::new(Inner {
            entries: entries.collect(),
            carriers,
            challenges,
            clock: self.clock,
        }))))
    }
}

/// Returns an error if a challenge cannot quote the realm.
pub(super) fn check_realm(realm: &str) -> Result<(), BuildError> {
    let quotable = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
    match realm.bytes().all(quotable) {
        true => Ok(()),
        false => Err(BuildError::Realm),
    }
}

impl<T> fmt::Debug for AuthenticatorBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder")
            .field("realm", &self.realm)
            .field("mechanisms", &self.entries.len())
            .finish_non_exhaustive()
    }
}
