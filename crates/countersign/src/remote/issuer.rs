use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::{Fetch, RefreshPolicy, RemoteError, RemoteKeys, RemoteKeysBuilder};
use crate::mechanism::Jwt;
use crate::token::{TrustedIssuer, TrustedIssuerBuilder};

impl Jwt {
    /// Accepts the tokens of the issuer at `url`, whose keys are fetched from it. See
    /// [`remote`](crate::remote).
    pub fn issuer(url: impl Into<Arc<str>>) -> RemoteIssuer {
        RemoteIssuer::new(url.into())
    }
}

impl TrustedIssuer {
    /// Returns the issuer's keys if they are fetched, for their [`status`](RemoteKeys::status).
    #[must_use]
    pub fn remote_keys(&self) -> Option<&RemoteKeys> {
        let source: &dyn Any = self.keys.source()?;
        source.downcast_ref()
    }
}

/// An issuer whose keys are fetched from it, and what is expected of its tokens. See the [module](super).
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

    /// An audience that tokens may name (RFC 7519 §4.1.3). At least one is required; a token is accepted if it
    /// names one of them.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.tokens = self.tokens.audience(audience);
        self
    }

    /// How far the clocks may differ: 30 s, at most 300 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.tokens = self.tokens.leeway(leeway);
        self
    }

    /// The longest time from `iat` to `exp`, and from now to `exp`: 24 h.
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.tokens = self.tokens.max_lifetime(max_lifetime);
        self
    }

    /// Where its keys are, instead of discovery. The issuer's URL is then a name that is only compared.
    pub fn jwks_url(mut self, url: &str) -> Self {
        self.keys = self.keys.document(url);
        self
    }

    /// The HTTP client; by default, with the feature `http-client`, one with the operating system's roots.
    pub fn client(mut self, client: impl Fetch) -> Self {
        self.keys = self.keys.client(client);
        self
    }

    /// When to fetch.
    pub fn refresh(mut self, policy: RefreshPolicy) -> Self {
        self.keys = self.keys.policy(policy);
        self
    }

    /// The issuer, one of several that a [`Jwt`] trusts. Its keys are being fetched from now on.
    ///
    /// # Errors
    ///
    /// [`RemoteError`] when nothing could ever be fetched so, or tokens could be accepted that nobody meant to
    /// accept.
    pub fn trust(self) -> Result<TrustedIssuer, RemoteError> {
        let keys = self.keys.start()?;
        Ok(self.tokens.keys(keys).build()?)
    }

    /// The mechanism that trusts this issuer alone. Its keys are being fetched from now on.
    ///
    /// # Errors
    ///
    /// As for [`trust`](Self::trust).
    pub fn build(self) -> Result<Jwt, RemoteError> {
        Ok(Jwt::new([self.trust()?]))
    }
}
