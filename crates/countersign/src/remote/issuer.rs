use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::{Fetch, RefreshPolicy, RemoteError, RemoteKeys, RemoteKeysBuilder};
use crate::mechanism::Jwt;
use crate::token::{TrustedIssuer, TrustedIssuerBuilder};

impl Jwt {
    /// Starts building a mechanism for the tokens of the issuer at `url`, whose keys are fetched from it. Build it
    /// inside a tokio runtime. See [`remote`](crate::remote).
    pub fn issuer(url: impl Into<Arc<str>>) -> RemoteIssuer {
        RemoteIssuer::new(url.into())
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
#[derive(Clone, Debug)]
#[must_use]
pub struct RemoteIssuer {
    tokens: TrustedIssuerBuilder,
    keys: RemoteKeysBuilder,
}

impl RemoteIssuer {
    fn new(url: Arc<str>) -> Self {
        Self {
            tokens: TrustedIssuer::external(Arc::clone(&url)),
            keys: RemoteKeys::discover(url),
        }
    }

    /// Adds an audience (RFC 7519 §4.1.3). At least one is required. A token is accepted if it names one of them.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.tokens = self.tokens.audience(audience);
        self
    }

    /// Sets how far the clocks may differ: 30 s by default, at most 300 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.tokens = self.tokens.leeway(leeway);
        self
    }

    /// Sets the longest time from `iat` to `exp`, and from now to `exp`: 24 h by default.
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.tokens = self.tokens.max_lifetime(max_lifetime);
        self
    }

    /// Sets the URL of the JWK set, instead of discovery. The URL of the issuer is then only compared.
    pub fn jwks_url(mut self, url: &str) -> Self {
        self.keys = self.keys.document(url);
        self
    }

    /// Sets the HTTP client. The default, with the feature `http-client`, trusts the root certificates of the
    /// operating system.
    pub fn client(mut self, client: impl Fetch) -> Self {
        self.keys = self.keys.client(client);
        self
    }

    /// Sets when keys are fetched.
    pub fn refresh(mut self, policy: RefreshPolicy) -> Self {
        self.keys = self.keys.policy(policy);
        self
    }

    /// Starts to fetch the keys, and returns the issuer as one of several for [`Jwt::new`].
    ///
    /// # Errors
    ///
    /// [`RemoteError`] if a URL or the policy is invalid, there is no HTTP client or runtime, or the issuer cannot
    /// be trusted with this configuration.
    pub fn trust(self) -> Result<TrustedIssuer, RemoteError> {
        let keys = self.keys.start()?;
        Ok(self.tokens.keys(keys).build()?)
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
