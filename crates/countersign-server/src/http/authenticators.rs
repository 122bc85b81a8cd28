//! The authenticators of the endpoints, over one issuer's view of credentials or over the whole server's.

use std::collections::HashMap;
use std::sync::Arc;

use countersign::Id;
use countersign::auth::{AuthLayer, Authenticator, AuthenticatorBuilder};
use countersign::credentials::ClientCertificate;
use countersign::directory::Directory;
use countersign::key::Peppers;
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, ClientCertificates, FailureLimit, Jwt};
use countersign::token::TrustedIssuer;
use countersign_cli::config::Config;
use countersign_cli::error::CommandError;
use countersign_store::Store;
use countersign_wire::ProtectedResource;

use super::limits::Limits;

/// Builds authenticators over one directory.
///
/// All of them share the limits: a client that guesses at one endpoint is limited at every other one, and the number of
/// passwords that are hashed at the same time is bounded for the whole server.
#[derive(Clone)]
pub(super) struct Authenticators {
    directory: Arc<dyn Directory>,
    peppers: Peppers,
    failures: FailureLimit,
    hasher: PasswordHasher,
    token_cache: usize,
    /// The credentials of clients by a name of their certificate or its fingerprint. Empty: certificates are ignored.
    clients: Arc<HashMap<String, Id>>,
}

impl Authenticators {
    /// Creates the authenticators over the whole server's view of credentials.
    pub(super) fn new(config: &Config, store: &Store, limits: &Limits) -> Self {
        let tls = config.server.tls.as_ref();
        let clients = tls.map(|tls| tls.clients.clone()).unwrap_or_default();
        Self {
            directory: store.directory(),
            peppers: store.peppers(),
            failures: limits.failures.clone(),
            hasher: limits.hasher.clone(),
            token_cache: config.server.token_cache,
            clients: Arc::new(clients),
        }
    }

    /// Returns the authenticators over another directory.
    pub(super) fn over(&self, directory: Arc<dyn Directory>) -> Self {
        Self {
            directory,
            ..self.clone()
        }
    }

    /// Returns the authenticators that ignore client certificates.
    pub(super) fn without_certificates(&self) -> Self {
        Self {
            clients: Arc::default(),
            ..self.clone()
        }
    }

    pub(super) fn hasher(&self) -> PasswordHasher {
        self.hasher.clone()
    }

    fn keys(&self) -> ApiKeys {
        let keys = ApiKeys::new(Arc::clone(&self.directory), self.peppers.clone());
        keys.imported().failure_limit(self.failures.clone())
    }

    /// Accepts the id and secret of a key.
    fn key_secrets(&self) -> Basic {
        let basic = Basic::new(Arc::clone(&self.directory), self.peppers.clone());
        basic.failure_limit(self.failures.clone())
    }

    /// Accepts the id and secret of a key, or the name and password of a user.
    fn basic(&self) -> Basic {
        self.key_secrets().passwords(self.hasher())
    }

    /// Adds client certificates, if any are mapped to credentials.
    fn with_certificates<T>(&self, builder: AuthenticatorBuilder<T>) -> AuthenticatorBuilder<T> {
        if self.clients.is_empty() {
            return builder;
        }
        let clients = Arc::clone(&self.clients);
        builder.primary(ClientCertificates::new(
            Arc::clone(&self.directory),
            move |certificate| credential_of(&clients, certificate),
        ))
    }

    /// Authenticates OAuth clients: keys, whole or as Basic, and certificates. Passwords of users are not for clients.
    pub(super) fn clients(&self) -> Result<Authenticator, CommandError> {
        let builder = self.with_certificates(Authenticator::builder().primary(self.keys()));
        Ok(builder.primary(self.key_secrets()).build()?)
    }

    /// Authenticates keys, users and certificates.
    pub(super) fn primary(&self) -> Result<Authenticator, CommandError> {
        let builder = self.with_certificates(Authenticator::builder().primary(self.keys()));
        Ok(builder.primary(self.basic()).build()?)
    }

    /// Verifies tokens of these issuers.
    pub(super) fn tokens(&self, issuers: impl IntoIterator<Item = TrustedIssuer>) -> Jwt {
        Jwt::new(issuers).cache_bytes(self.token_cache)
    }

    /// Authenticates keys, users, certificates, and tokens of these issuers. The challenges name the metadata of `resource`.
    pub(super) fn any(
        &self,
        issuers: impl IntoIterator<Item = TrustedIssuer>,
        resource: Option<&ProtectedResource>,
    ) -> Result<AuthLayer, CommandError> {
        let builder = AuthLayer::builder().mechanism(self.tokens(issuers));
        let builder = self.with_certificates(builder);
        let builder = match resource {
            Some(resource) => builder.resource_metadata(resource.url()),
            None => builder,
        };
        Ok(builder.primary(self.keys()).primary(self.basic()).build()?)
    }
}

/// Returns the credential of a certificate: that of its URIs, its DNS names and its fingerprint, if they do not name several.
fn credential_of(clients: &HashMap<String, Id>, certificate: &ClientCertificate) -> Option<Id> {
    let names = certificate.uris().chain(certificate.dns_names());
    let mut ids = names
        .chain([certificate.fingerprint()])
        .filter_map(|name| clients.get(name).copied());
    let id = ids.next()?;
    ids.all(|other| other == id).then_some(id)
}
