use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign::time::{Clock, SystemClock};
use countersign::url::{HttpUrl, UrlError};
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::Service;

use super::{Shared, Tokens};
use crate::BoxError;
use crate::credentials::Credentials;
use crate::format::Format;
use crate::origin::{Origin, OriginError};
use crate::source::{Location, Source};
use crate::token_request::TokenRequest;
use crate::transport::{self, Transport};

/// Options for [`Tokens`].
#[must_use]
pub struct TokensBuilder {
    url: String,
    is_issuer: bool,
    format: Format,
    credentials: Credentials,
    wanted: TokenRequest,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl TokensBuilder {
    pub(crate) fn new(
        url: &str,
        is_issuer: bool,
        format: Format,
        credentials: Credentials,
    ) -> Self {
        Self {
            url: url.to_owned(),
            is_issuer,
            format,
            credentials,
            wanted: TokenRequest::default(),
            timeout: Duration::from_secs(10),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the scopes and the resource of the tokens. By default, the server decides.
    pub fn request(mut self, wanted: TokenRequest) -> Self {
        self.wanted = wanted;
        self
    }

    /// Sends the secret of an OAuth client in the form (`client_secret_post`) instead of as Basic. A discovered
    /// endpoint that supports only the form gets it there without this option.
    pub fn client_secret_post(mut self) -> Self {
        if let Format::OAuth { secret_in_form } = &mut self.format {
            *secret_in_form = true;
        }
        self
    }

    /// Sets the time limit of one request for a token, discovery included: 10 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the clock, which is read only if a response has an absolute expiry and no `Date` header.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the tokens with an HTTP client over rustls that trusts the operating system's root certificates.
    ///
    /// # Errors
    ///
    /// Those of [`build_with`](Self::build_with), and [`BuildError::Roots`] if there is no root certificate.
    #[cfg(feature = "http-client")]
    pub fn build(self) -> Result<Tokens, BuildError> {
        let client = transport::http_client().map_err(|_| BuildError::Roots)?;
        self.build_boxed(client)
    }

    /// Builds the tokens with an HTTP client of your own, which must not follow redirects.
    ///
    /// # Errors
    ///
    /// - [`BuildError::Url`] if the URL is not absolute, or would send the secret over plain HTTP to another machine.
    /// - [`BuildError::Credentials`] if the format has no place for credentials of this kind.
    /// - [`BuildError::Request`] if the format has no scopes or no resource, or needs a scope.
    pub fn build_with<S, B>(self, client: S) -> Result<Tokens, BuildError>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        self.build_boxed(transport::boxed(client))
    }

    fn build_boxed(self, transport: Transport) -> Result<Tokens, BuildError> {
        let malformed = |error: UrlError| BuildError::Url(OriginError::Url(error));
        let url = HttpUrl::parse(&self.url).map_err(malformed)?;
        Origin::parse(&self.url).map_err(BuildError::Url)?;
        if !self.format.takes(&self.credentials) {
            return Err(BuildError::Credentials);
        }
        if !self.format.can_express(&self.wanted) {
            return Err(BuildError::Request);
        }
        let location = match self.is_issuer {
            true => Location::Issuer(url),
            false => Location::Endpoint(url.uri().clone()),
        };
        let source = Source {
            location,
            format: self.format,
            credentials: self.credentials,
            transport,
            timeout: self.timeout,
            clock: self.clock,
            discovered: Mutex::default(),
        };
        let shared = Shared {
            source,
            wanted: self.wanted,
            entries: Mutex::default(),
        };
        Ok(Tokens {
            shared: Arc::new(shared),
        })
    }
}

impl fmt::Debug for TokensBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokensBuilder")
            .field("url", &self.url)
            .field("format", &self.format)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// The reason why [`Tokens`] cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL of the issuer or of the token endpoint is not one that may receive a secret.
    #[error("the URL of the token endpoint or issuer: {0}")]
    Url(OriginError),
    /// The format takes other kinds of credentials.
    #[error(
        "this format does not take this kind of credentials: use those that its constructor names"
    )]
    Credentials,
    /// The format has no scopes or no resource, or needs a scope.
    #[error("this format has no scopes or no resource, or needs at least one scope")]
    Request,
    /// No root certificate was found.
    #[error("no root certificate was found: install those of the system, or use `build_with`")]
    Roots,
}
