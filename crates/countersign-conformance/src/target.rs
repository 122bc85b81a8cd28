use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign::BoxFuture;
use http::{Request, Response};
use tower_service::Service;

use crate::BoxError;
use crate::client::{Address, UrlError};
use crate::received::Received;

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
