use std::any::Any;
use std::sync::Arc;

use super::{RemoteError, RemoteKeys, RemoteKeysBuilder};
use crate::mechanism::Jwt;
use crate::token::{TrustedIssuer, TrustedIssuerBuilder};

impl Jwt {
    /// Starts building a mechanism for the tokens of the issuer at `url`, whose keys are fetched from it. Build it
    /// inside a tokio runtime. See [`remote`](crate::remote).
    pub fn issuer(url: impl Into<Arc<str>>) -> RemoteIssuer {
        let url = url.into();
        RemoteIssuer {
            tokens: TrustedIssuer::external(Arc::clone(&url)),
            keys: RemoteKeys::discover(url),
        }
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
///
/// For other rules, such as the leeway, start [`RemoteKeys`] and give them to [`TrustedIssuer::external`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RemoteIssuer {
    tokens: TrustedIssuerBuilder,
    keys: RemoteKeysBuilder,
}

impl RemoteIssuer {
    /// Adds an audience (RFC 7519 §4.1.3). At least one is required. A token is accepted if it names one of them.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.tokens = self.tokens.audience(audience);
        self
    }

    /// Sets how the keys are fetched, by default as the metadata of the issuer say ([`RemoteKeys::discover`]).
    pub fn keys(mut self, keys: RemoteKeysBuilder) -> Self {
        self.keys = keys;
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
