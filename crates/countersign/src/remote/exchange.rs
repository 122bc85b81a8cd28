//! One request to an issuer, and the checks that hold for every response.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::time::timeout;

use super::url::AllowHttp;
use super::{Fetch, FetchError, FetchedBody};
use crate::url::HttpUrl;

/// How many causes of an error of the client are shown.
const MAX_CAUSES: usize = 8;
/// The number of characters of them that are shown.
const MAX_CAUSE: usize = 500;

/// An error of a request, and what the log says of it besides.
pub(super) struct Failure {
    pub(super) error: FetchError,
    /// The URL that was asked.
    url: Option<HttpUrl>,
    /// The error of the client and its causes.
    cause: Option<String>,
}

impl Failure {
    fn of_client(error: &(dyn Error + Send + Sync)) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        for _ in 0..MAX_CAUSES {
            let Some(cause) = next else { break };
            let shown = cause.to_string();
            // Some errors contain their causes.
            if !text.ends_with(&shown) {
                text.push_str(": ");
                text.push_str(&shown);
            }
            next = cause.source();
        }
        let shown = text.chars().take(MAX_CAUSE);
        Self {
            cause: Some(
                shown
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect(),
            ),
            ..FetchError::Client.into()
        }
    }

    /// Adds the URL that was asked, unless it is known.
    pub(super) fn at(mut self, url: &HttpUrl) -> Self {
        self.url.get_or_insert_with(|| url.clone());
        self
    }

    /// Warns of an error of the client once a minute for each host: what asks the host tries again and again.
    #[cfg(any(feature = "feed", feature = "introspection"))]
    fn logged(self, url: &HttpUrl) -> FetchError {
        #[cfg(feature = "tracing")]
        if let Some(error) = &self.cause {
            if is_due(url) {
                tracing::warn!(?url, error, "HTTP client failed; shown once a minute");
            } else {
                tracing::debug!(?url, error, "HTTP client failed");
            }
        }
        #[cfg(not(feature = "tracing"))]
        let _ = url;
        self.error
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let (url, cause) = (None, None);
        Self { error, url, cause }
    }
}

impl fmt::Display for Failure {
    /// `Debug` of a URL leaves its query out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        if let Some(url) = &self.url {
            write!(f, ", asked for {url:?}")?;
        }
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

/// Sends a request to `url`, and warns of errors of the client. The time limit applies to the whole response. A redirect, a
/// compressed body and a body that is too long are errors.
#[cfg(feature = "introspection")]
pub(super) async fn exchange(
    client: &dyn Fetch,
    url: &HttpUrl,
    allow_http: AllowHttp,
    request: Request<Vec<u8>>,
    limit: Duration,
) -> Result<Response<Vec<u8>>, FetchError> {
    let response = exchange_unlogged(client, url, allow_http, request, limit).await;
    response.map_err(|failure| failure.logged(url))
}

/// Does the same without a warning, for callers that log the failure.
pub(super) async fn exchange_unlogged(
    client: &dyn Fetch,
    url: &HttpUrl,
    allow_http: AllowHttp,
    request: Request<Vec<u8>>,
    limit: Duration,
) -> Result<Response<Vec<u8>>, Failure> {
    let body = FetchedBody::default();
    exchange_into(body, client, url, allow_http, request, limit).await
}

/// Does the same with a response of at most this many bytes.
#[cfg(feature = "feed")]
pub(crate) async fn exchange_up_to(
    longest: usize,
    client: &dyn Fetch,
    url: &HttpUrl,
    request: Request<Vec<u8>>,
    limit: Duration,
) -> Result<Response<Vec<u8>>, FetchError> {
    let (body, allow_http) = (FetchedBody::up_to(longest), AllowHttp::default());
    let response = exchange_into(body, client, url, allow_http, request, limit).await;
    response.map_err(|failure| failure.logged(url))
}

async fn exchange_into(
    mut body: FetchedBody,
    client: &dyn Fetch,
    url: &HttpUrl,
    allow_http: AllowHttp,
    mut request: Request<Vec<u8>>,
    limit: Duration,
) -> Result<Response<Vec<u8>>, Failure> {
    *request.uri_mut() = url.uri().clone();
    request.extensions_mut().insert(allow_http);
    let headers = request.headers_mut();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let sent = timeout(limit, client.send(request, &mut body)).await;
    let body = body.into_bytes().map_err(|_| FetchError::TooLong)?;
    let response = sent.map_err(|_| FetchError::Timeout)?;
    let response = response.map_err(|error| Failure::of_client(&*error))?;
    if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
        return Err(FetchError::Redirect.into());
    }
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    let mut encodings = response.headers().get_all(CONTENT_ENCODING).iter();
    if !encodings.all(is_plain) {
        return Err(FetchError::Compressed.into());
    }
    Ok(response.map(|()| body))
}

/// Returns whether a warning about this host is due. It is about the log, and decides nothing, so it uses the system's clock.
#[cfg(all(feature = "tracing", any(feature = "feed", feature = "introspection")))]
fn is_due(url: &HttpUrl) -> bool {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    use std::num::NonZeroU32;
    use std::sync::LazyLock;

    use crate::limit::RateLimit;
    use crate::time::{Clock as _, SystemClock};

    static WARNINGS: LazyLock<RateLimit<u64>> =
        LazyLock::new(|| RateLimit::new(NonZeroU32::MIN, Duration::from_secs(60)));
    let mut host = DefaultHasher::new();
    url.uri().authority().hash(&mut host);
    WARNINGS.take(host.finish(), SystemClock.now()).is_ok()
}
