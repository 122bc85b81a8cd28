use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};

use super::exchange::exchange;
use super::keys::default_client;
use super::url::AllowHttp;
use super::{Fetch, FetchError, RejectedUrl, RemoteError};
use crate::BoxFuture;
use crate::jose::KeySet;
use crate::limit::RateLimit;
use crate::mechanism::{CallBudget, IntrospectionServer, OpaqueTokens};
use crate::secret::Secret;
use crate::time::{Clock as _, SystemClock};
use crate::token::{IssuerKeys, KeyFetch, KeySource, TrustedIssuer, TrustedIssuerBuilder};
use crate::url::{HttpUrl, form_encode};

/// How long answers are cached at most.
const MAX_LIFETIME: Duration = Duration::from_secs(60);
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

impl OpaqueTokens {
    /// Starts building a mechanism for the opaque tokens of the issuer at `url`, which is equal to the `iss` of its answers.
    pub fn issuer(url: impl Into<Arc<str>>) -> OpaqueIssuer {
        TrustedIssuer::external(url).with_keys(IntrospectionOptions::default())
    }
}

/// Builds [`OpaqueTokens`] of an external issuer. The [mechanism](OpaqueTokens) documents the defaults.
///
/// ```no_run
/// use countersign::Secret;
/// use countersign::mechanism::OpaqueTokens;
///
/// # fn tokens() -> Result<OpaqueTokens, countersign::remote::RemoteError> {
/// let tokens = OpaqueTokens::issuer("https://login.example")
///     .introspection_url("https://login.example/oauth2/introspect")
///     .client_secret("calls-api", &Secret::from(String::from("the secret")))
///     .audience("https://api.example")
///     .build()?;
/// # Ok(tokens)
/// # }
/// ```
pub type OpaqueIssuer = TrustedIssuerBuilder<IntrospectionOptions>;

/// How an issuer is asked about its tokens.
#[derive(Clone)]
pub struct IntrospectionOptions {
    url: Option<Box<str>>,
    /// The value of `Authorization`.
    authorization: Option<HeaderValue>,
    client: Option<Arc<dyn Fetch>>,
    ca_file: Option<PathBuf>,
    timeout: Duration,
    lifetime: Duration,
    calls_per_second: NonZeroU32,
}

impl Default for IntrospectionOptions {
    fn default() -> Self {
        const CALLS: NonZeroU32 = NonZeroU32::new(50).unwrap();
        Self {
            url: None,
            authorization: None,
            client: None,
            ca_file: None,
            timeout: Duration::from_secs(5),
            lifetime: MAX_LIFETIME,
            calls_per_second: CALLS,
        }
    }
}

impl fmt::Debug for IntrospectionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionOptions")
            .field("timeout", &self.timeout)
            .field("lifetime", &self.lifetime)
            .field("calls_per_second", &self.calls_per_second)
            .finish_non_exhaustive()
    }
}

impl OpaqueIssuer {
    fn option(self, set: impl FnOnce(&mut IntrospectionOptions)) -> Self {
        let mut options = self.keys.clone();
        set(&mut options);
        self.with_keys(options)
    }

    /// Sets the URL of the introspection endpoint, `introspection_endpoint` in the metadata of the issuer (RFC 8414 §2). It is
    /// `https`, or `http` on this machine's loopback.
    pub fn introspection_url(self, url: impl Into<Box<str>>) -> Self {
        self.option(|options| options.url = Some(url.into()))
    }

    /// Sets the id and the secret of this service at the issuer, which are sent as `client_secret_basic`
    /// (RFC 6749 §2.3.1). Both are required: without authentication, anyone could test tokens (RFC 7662 §4).
    pub fn client_secret(self, id: &str, secret: &Secret) -> Self {
        let pair = format!("{}:{}", form_encode(id), form_encode(secret.expose()));
        let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
        let value = value.ok().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        self.option(|options| options.authorization = value)
    }

    /// Sets the HTTP client. The default, with the feature `http-client`, trusts the root certificates of the operating system.
    pub fn client(self, client: impl Fetch) -> Self {
        self.option(|options| options.client = Some(Arc::new(client)))
    }

    /// Sets a file with the certificates of the only authorities that the default client trusts, in PEM. It is read once.
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.option(|options| options.ca_file = Some(path.into()))
    }

    /// Sets the time limit for each answer: 5 s by default, at most 60 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option(|options| options.timeout = timeout)
    }

    /// Sets how long an answer is cached at most: 60 s by default, and at most. A revoked token may be accepted for so long. With
    /// zero, each request asks the issuer.
    pub fn cache_for(self, lifetime: Duration) -> Self {
        self.option(|options| options.lifetime = lifetime)
    }

    /// Sets the number of tokens that the issuer is asked about in a second, 50 by default. Requests beyond it get 503.
    pub fn calls_per_second(self, calls: NonZeroU32) -> Self {
        self.option(|options| options.calls_per_second = calls)
    }

    /// Builds the mechanism.
    ///
    /// # Errors
    ///
    /// - [`RemoteError::NoEndpoint`] if the URL of the endpoint, or the id and the secret, are not set.
    /// - [`RemoteError::Url`] if the endpoint may not be asked at this URL.
    /// - [`RemoteError::Introspection`] if the time limit or the cache's lifetime is out of range.
    /// - [`RemoteError::CaFile`] if the file of authorities cannot be read.
    /// - [`RemoteError::NoClient`] if no HTTP client is set and the feature `http-client` is off.
    /// - [`RemoteError::Roots`] if the default client finds no root certificates.
    /// - [`RemoteError::Trust`] if the issuer cannot be trusted with this configuration.
    pub fn build(self) -> Result<OpaqueTokens, RemoteError> {
        let options = self.keys.clone();
        let issuer = self.with_keys(IssuerKeys::fetched(NoKeys)).build()?;
        let (Some(url), Some(authorization)) = (options.url, options.authorization) else {
            return Err(RemoteError::NoEndpoint);
        };
        if options.timeout.is_zero()
            || options.timeout > MAX_TIMEOUT
            || options.lifetime > MAX_LIFETIME
        {
            return Err(RemoteError::Introspection);
        }
        let endpoint = Endpoint {
            url: AllowHttp::default()
                .document(&url)
                .map_err(|error| RejectedUrl::new(&url, error))?,
            authorization,
            client: match options.client {
                Some(client) => client,
                None => default_client(options.ca_file)?,
            },
            timeout: options.timeout,
            warnings: RateLimit::new(NonZeroU32::MIN, Duration::from_secs(60)),
        };
        let budget = CallBudget::per_second(options.calls_per_second);
        Ok(OpaqueTokens::new(
            issuer,
            endpoint,
            budget,
            options.lifetime,
        ))
    }
}

/// An introspection endpoint, and the authorization of this service there.
struct Endpoint {
    url: HttpUrl,
    authorization: HeaderValue,
    client: Arc<dyn Fetch>,
    timeout: Duration,
    /// One warning a minute. It is about the log, and decides nothing, so it uses the system's clock.
    warnings: RateLimit<()>,
}

impl Endpoint {
    async fn ask(&self, token: &str) -> Result<Vec<u8>, FetchError> {
        let form = format!("token={}&token_type_hint=access_token", form_encode(token));
        let mut request = Request::new(form.into_bytes());
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        headers.insert(AUTHORIZATION, self.authorization.clone());
        let allow_http = AllowHttp::default();
        let response = exchange(&*self.client, &self.url, allow_http, request, self.timeout);
        let (head, body) = response.await?.into_parts();
        match head.status {
            StatusCode::OK => Ok(body),
            other => Err(FetchError::Status(other.as_u16())),
        }
    }

    fn warn(&self, error: &FetchError) {
        let is_due = self.warnings.take((), SystemClock.now()).is_ok();
        #[cfg(feature = "tracing")]
        if is_due {
            tracing::warn!(url = ?self.url, %error, "tokens cannot be introspected; shown once a minute");
        }
        #[cfg(not(feature = "tracing"))]
        let _ = (error, is_due);
    }
}

impl IntrospectionServer for Endpoint {
    fn introspect<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let answer = self.ask(token).await;
            answer.inspect_err(|error| self.warn(error)).ok()
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.url).finish()
    }
}

/// The keys of an issuer whose tokens are not signed.
#[derive(Debug)]
struct NoKeys;

impl KeySource for NoKeys {
    fn load(&self) -> Option<Guard<Arc<KeySet>>> {
        None
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn fetch_missing(&self, _: Option<&KeySet>, _: Option<&str>) -> Option<KeyFetch> {
        None
    }
}
