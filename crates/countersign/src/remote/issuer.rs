use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

use super::keys::Location;
use super::{Fetch, RefreshPolicy, RemoteError, RemoteKeys, RemoteKeysBuilder};
use crate::mechanism::Jwt;
use crate::token::{IssuerKeys, TrustedIssuer, TrustedIssuerBuilder};

impl Jwt {
    /// Starts building a mechanism for the tokens of the issuer at `url`, whose keys are fetched from it. Build it
    /// inside a tokio runtime. See [`remote`](crate::remote).
    pub fn issuer(url: impl Into<Arc<str>>) -> RemoteIssuer {
        let url = url.into();
        TrustedIssuer::external(Arc::clone(&url)).with_keys(RemoteKeys::discover(url))
    }

    /// Starts building a mechanism for the JWT-SVIDs of a SPIFFE trust domain, such as `acme.example`. Set the URL of its
    /// bundle with [`jwks_url`](RemoteIssuer::jwks_url). See [`TrustedIssuer::trust_domain`].
    pub fn trust_domain(name: &str) -> RemoteIssuer {
        let keys = RemoteKeysBuilder::new(Location::Unknown);
        TrustedIssuer::trust_domain(name).with_keys(keys)
    }
}

impl TrustedIssuer {
    /// Returns the keys of the issuer if they are fetched, for their [`status`](RemoteKeys::status).
    #[must_use]
    pub fn remote_keys(&self) -> Option<&RemoteKeys> {
        let source: &dyn Any = self.keys.source()?;
        source.downcast_ref()
    }
}

/// Builds an external issuer whose keys are fetched. See the [module](super).
pub type RemoteIssuer = TrustedIssuerBuilder<RemoteKeysBuilder>;

impl RemoteIssuer {
    fn map_keys(self, f: impl FnOnce(RemoteKeysBuilder) -> RemoteKeysBuilder) -> Self {
        let keys = f(self.keys.clone());
        self.with_keys(keys)
    }

    /// Sets the URL of the JWK set, instead of discovery. The URL of the issuer is then only compared.
    pub fn jwks_url(self, url: &str) -> Self {
        self.map_keys(|keys| keys.document(url))
    }

    /// Sets a file with the certificates of the only authorities that are trusted, in PEM. See
    /// [`RemoteKeysBuilder::ca_file`].
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.map_keys(|keys| keys.ca_file(path))
    }

    /// Sets a file with a bearer token for the issuer. See [`RemoteKeysBuilder::fetch_token_file`].
    pub fn fetch_token_file(self, path: impl Into<PathBuf>) -> Self {
        self.map_keys(|keys| keys.fetch_token_file(path))
    }

    /// Sets the HTTP client. See [`RemoteKeysBuilder::client`].
    pub fn client(self, client: impl Fetch) -> Self {
        self.map_keys(|keys| keys.client(client))
    }

    /// Sets when keys are fetched.
    pub fn refresh(self, policy: RefreshPolicy) -> Self {
        self.map_keys(|keys| keys.policy(policy))
    }

    pub(crate) fn allow_http(self) -> Self {
        self.map_keys(RemoteKeysBuilder::allow_http)
    }

    /// Starts to fetch the keys, and returns the issuer as one of several for [`Jwt::new`].
    ///
    /// # Errors
    ///
    /// [`RemoteError`] if a URL, a file or the policy is invalid, there is no HTTP client or runtime, or the issuer cannot
    /// be trusted with this configuration.
    pub fn trust(self) -> Result<TrustedIssuer, RemoteError> {
        let keys = IssuerKeys::from(self.keys.clone().start()?);
        Ok(self.with_keys(keys).build()?)
    }

    /// Starts to fetch the keys, and returns a mechanism that trusts only this issuer.
    ///
    /// # Errors
    ///
    /// Those of [`trust`](Self::trust).
    pub fn build(self) -> Result<Jwt, RemoteError> {
        Ok(Jwt::new([self.trust()?]))
    }
}
