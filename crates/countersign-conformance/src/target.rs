use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign::BoxFuture;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tower_service::Service;

use crate::BoxError;
use crate::client::{Address, UrlError};

type SendRequest = dyn Fn(Request<()>) -> BoxFuture<'static, Result<Received, BoxError>> + Send;
type RefreshKeys = dyn Fn() -> BoxFuture<'static, ()> + Send;

/// The service under test: one that accepts requests with a valid token.
pub struct Target {
    send: Box<SendRequest>,
    refresh_keys: Option<Box<RefreshKeys>>,
    calls: Option<CallCounter>,
}

impl Target {
    /// Creates a target from a tower service. Each request is sent to a clone.
    #[must_use]
    pub fn service<S, B, B2>(service: S) -> Self
    where
        S: Service<Request<B>, Response = Response<B2>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Default + Send + 'static,
        B2: Send + 'static,
    {
        Self::new(Box::new(move |request| {
            let mut service = service.clone();
            Box::pin(async move {
                poll_fn(|cx| service.poll_ready(cx))
                    .await
                    .map_err(Into::into)?;
                let response = service.call(request.map(|()| B::default())).await;
                let (parts, _) = response.map_err(Into::into)?.into_parts();
                Ok(Received::new(parts.status, &parts.headers))
            })
        }))
    }

    /// Creates a target from an `http` URL. Its path is ignored: [`Suite::path`](super::Suite::path) sets it.
    ///
    /// # Errors
    ///
    /// Returns [`UrlError`] if the URL is not `http://` followed by a host.
    pub fn url(url: &str) -> Result<Self, UrlError> {
        let address = Arc::new(Address::parse(url)?);
        Ok(Self::new(Box::new(move |request| {
            let exchange = Address::exchange(&address, &request);
            Box::pin(async move { Ok(exchange.await?) })
        })))
    }

    fn new(send: Box<SendRequest>) -> Self {
        Self {
            send,
            refresh_keys: None,
            calls: None,
        }
    }

    /// Sets a function that makes the service fetch the issuer's keys, and completes when it has done so.
    ///
    /// The suite calls it after each change at the issuer. Without it, the cases of the group
    /// [`Keys`](super::Group::Keys) are not run.
    #[must_use]
    pub fn refresh_keys<F>(mut self, refresh: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.refresh_keys = Some(Box::new(move || Box::pin(refresh())));
        self
    }

    /// Sets the counter that the protected service increments.
    ///
    /// With it, the suite checks that the service is called once for an accepted request, and not at all for a rejected
    /// one. Without it, the suite relies on the responses alone.
    #[must_use]
    pub fn count_calls(mut self, calls: &CallCounter) -> Self {
        self.calls = Some(calls.clone());
        self
    }

    pub(crate) fn can_refresh_keys(&self) -> bool {
        self.refresh_keys.is_some()
    }

    pub(crate) async fn keys_refreshed(&self) {
        if let Some(refresh) = &self.refresh_keys {
            refresh().await;
        }
    }

    /// Sends one request, and returns what was received.
    pub(crate) async fn send(&self, request: Request<()>) -> Result<Received, BoxError> {
        let before = self.calls.as_ref().map(CallCounter::count);
        let mut received = (self.send)(request).await?;
        let after = self.calls.as_ref().map(CallCounter::count);
        received.calls = after.zip(before).map(|(after, before)| after - before);
        Ok(received)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").finish_non_exhaustive()
    }
}

/// A counter of calls of the protected service. Clones share one count.
#[derive(Clone, Debug, Default)]
pub struct CallCounter(Arc<AtomicU64>);

impl CallCounter {
    /// Counts one call.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns the number of calls.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What the suite looks at in a response.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    /// Whether the response has a `Bearer` challenge.
    pub(crate) challenged: bool,
    /// The error code of that challenge.
    pub(crate) error: Option<String>,
    /// How often the protected service was called, if calls are counted.
    pub(crate) calls: Option<u64>,
}

impl Received {
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        let values = headers.get_all(WWW_AUTHENTICATE);
        let bearer = values
            .iter()
            .filter_map(|value| HeaderValue::to_str(value).ok())
            .find_map(bearer);
        Self {
            status,
            challenged: bearer.is_some(),
            error: bearer.and_then(error),
            calls: None,
        }
    }
}

/// Returns the header value from its `Bearer` challenge on, if it has one.
fn bearer(value: &str) -> Option<&str> {
    let mut begin = 0;
    loop {
        let rest = value.get(begin..)?.trim_start();
        if rest
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
        {
            return Some(rest);
        }
        begin = begin + value.get(begin..)?.find(',')? + 1;
    }
}

/// Returns the error code of a challenge (RFC 6750 §3).
fn error(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("error=")?;
    let text = rest.trim_start_matches('"');
    let end = text.find(['"', ',', ' ']).unwrap_or(text.len());
    text.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(values: &[&'static str]) -> (bool, Option<String>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        let received = Received::new(StatusCode::UNAUTHORIZED, &headers);
        (received.challenged, received.error)
    }

    #[test]
    fn bearer_challenge_is_found_at_any_position() {
        let invalid = (true, Some("invalid_token".to_owned()));
        assert_eq!(received(&[]), (false, None));
        assert_eq!(received(&["Basic realm=\"a\""]), (false, None));
        assert_eq!(received(&["Bearer"]), (true, None));
        assert_eq!(received(&["bearer error=\"invalid_token\""]), invalid);
        assert_eq!(received(&["Bearer error=invalid_token, scope=a"]), invalid);
        assert_eq!(
            received(&["ApiKey", "Bearer realm=\"a\", error=\"invalid_token\""]),
            invalid
        );
        assert_eq!(
            received(&["Basic realm=\"a\", Bearer error=\"invalid_token\""]),
            invalid
        );
    }
}
