use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tower_service::Service;

use super::url::{Address, UrlError};
use crate::BoxFuture;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Exchange = dyn Fn(Request<()>) -> BoxFuture<'static, Result<Reply, BoxError>> + Send;
type Settle = dyn Fn() -> BoxFuture<'static, ()> + Send;

/// What is held to the table: a service that lets those in who bring a good token.
pub struct Subject {
    send: Box<Exchange>,
    settle: Option<Box<Settle>>,
    calls: Option<Calls>,
}

impl Subject {
    /// A tower service.
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
                let answered = service.call(request.map(|()| B::default())).await;
                let (parts, _) = answered.map_err(Into::into)?.into_parts();
                Ok(Reply::new(parts.status, &parts.headers))
            })
        }))
    }

    /// Whatever answers at an `http` URL, in whatever language it is written. The URL's path is not looked at.
    ///
    /// # Errors
    ///
    /// [`UrlError`] when it is not `http://` and a host.
    pub fn url(url: &str) -> Result<Self, UrlError> {
        let address = Arc::new(Address::parse(url)?);
        Ok(Self::new(Box::new(move |request| {
            let exchange = Address::exchange(&address, &request);
            Box::pin(async move { Ok(exchange.await?) })
        })))
    }

    fn new(send: Box<Exchange>) -> Self {
        Self {
            send,
            settle: None,
            calls: None,
        }
    }

    /// What is awaited after the issuer has changed its keys, or answers otherwise: until the subject has asked for
    /// them. Without it, the cases of the group [`Keys`](super::Group::Keys) are not run.
    #[must_use]
    pub fn settle<F>(mut self, settle: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.settle = Some(Box::new(move || Box::pin(settle())));
        self
    }

    /// How often the service behind was called: once for who is let in, and not for others. Without it, what
    /// comes back is believed.
    #[must_use]
    pub fn calls(mut self, calls: &Calls) -> Self {
        self.calls = Some(calls.clone());
        self
    }

    pub(super) fn can_settle(&self) -> bool {
        self.settle.is_some()
    }

    pub(super) async fn settled(&self) {
        if let Some(settle) = &self.settle {
            settle().await;
        }
    }

    /// What came back, or why nothing did.
    pub(super) async fn send(&self, request: Request<()>) -> Result<Reply, BoxError> {
        let before = self.calls.as_ref().map(Calls::count);
        let mut reply = (self.send)(request).await?;
        let after = self.calls.as_ref().map(Calls::count);
        reply.calls = after.zip(before).map(|(after, before)| after - before);
        Ok(reply)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// Counts the calls of the service behind. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<AtomicU64>);

impl Calls {
    /// It is called now.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// How often that was.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// Whether there is a challenge for bearers.
    pub(super) challenged: bool,
    pub(super) error: Option<String>,
    /// Of the service behind, if they are counted.
    pub(super) calls: Option<u64>,
}

impl Reply {
    pub(super) fn new(status: StatusCode, headers: &HeaderMap) -> Self {
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

/// The challenge for bearers and what follows it, if there is one.
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

/// The error code of a challenge (RFC 6750 §3).
fn error(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("error=")?;
    let text = rest.trim_start_matches('"');
    let end = text.find(['"', ',', ' ']).unwrap_or(text.len());
    text.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(values: &[&'static str]) -> (bool, Option<String>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        let reply = Reply::new(StatusCode::UNAUTHORIZED, &headers);
        (reply.challenged, reply.error)
    }

    #[test]
    fn challenge_for_bearers_is_found_wherever_it_stands() {
        let invalid = (true, Some("invalid_token".to_owned()));
        assert_eq!(reply(&[]), (false, None));
        assert_eq!(reply(&["Basic realm=\"a\""]), (false, None));
        assert_eq!(reply(&["Bearer"]), (true, None));
        assert_eq!(reply(&["bearer error=\"invalid_token\""]), invalid);
        assert_eq!(reply(&["Bearer error=invalid_token, scope=a"]), invalid);
        assert_eq!(
            reply(&["ApiKey", "Bearer realm=\"a\", error=\"invalid_token\""]),
            invalid
        );
        assert_eq!(
            reply(&["Basic realm=\"a\", Bearer error=\"invalid_token\""]),
            invalid
        );
    }
}
