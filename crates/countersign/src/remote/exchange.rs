//! One request to an issuer, and the checks that hold for every response.

use std::error::Error;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::time::timeout;

use super::url::AllowHttp;
use super::{Fetch, FetchError, FetchedBody};
use crate::url::HttpUrl;

/// Sends a request to `url`. The time limit applies to the whole response. A redirect, a compressed body and a body that is
/// too long are errors.
pub(super) async fn exchange(
    client: &dyn Fetch,
    url: &HttpUrl,
    allow_http: AllowHttp,
    request: Request<Vec<u8>>,
    limit: Duration,
) -> Result<Response<Vec<u8>>, FetchError> {
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
    exchange_into(body, client, url, allow_http, request, limit).await
}

async fn exchange_into(
    mut body: FetchedBody,
    client: &dyn Fetch,
    url: &HttpUrl,
    allow_http: AllowHttp,
    mut request: Request<Vec<u8>>,
    limit: Duration,
) -> Result<Response<Vec<u8>>, FetchError> {
    *request.uri_mut() = url.uri().clone();
    request.extensions_mut().insert(allow_http);
    let headers = request.headers_mut();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let sent = timeout(limit, client.send(request, &mut body)).await;
    let body = body.into_bytes().map_err(|_| FetchError::TooLong)?;
    let response = sent.map_err(|_| FetchError::Timeout)?.map_err(|error| {
        log_client_error(url, &*error);
        FetchError::Client
    })?;
    if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
        return Err(FetchError::Redirect);
    }
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    let mut encodings = response.headers().get_all(CONTENT_ENCODING).iter();
    if !encodings.all(is_plain) {
        return Err(FetchError::Compressed);
    }
    Ok(response.map(|()| body))
}

/// Warns of an error of the client once a minute for each host: what asks the host tries again and again.
fn log_client_error(url: &HttpUrl, error: &(dyn Error + Send + Sync)) {
    #[cfg(feature = "tracing")]
    {
        let cause = error.source().map(ToString::to_string);
        if is_due(url) {
            tracing::warn!(?url, %error, cause, "HTTP client failed; shown once a minute");
        } else {
            tracing::debug!(?url, %error, cause, "HTTP client failed");
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (url, error);
}

/// Returns whether a warning about this host is due. It is about the log, and decides nothing, so it uses the system's clock.
#[cfg(feature = "tracing")]
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
