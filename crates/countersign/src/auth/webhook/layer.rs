use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_layer::Layer;
use tower_service::Service;

use super::WebhookFuture;
use super::body::exceeds;
use crate::auth::BuildError;
use crate::auth::builder::check_realm;
use crate::auth::metrics;
use crate::auth::telemetry::log;
use crate::credentials::{Carrier, Scheme};
use crate::mechanism::webhook::{VerifiedWebhook, WebhookVerifier};
use crate::reason::Reason;
use crate::rejection::{Challenge, Challenges, EmptyBody, RejectBody, Rejection};
use crate::time::{Clock, SystemClock};

/// The largest body, in bytes, unless another limit is set.
const MAX_BODY: usize = 1024 * 1024;

/// Verifies the signature of every webhook before the inner service sees it (feature `webhooks`). See
/// [`mechanism::webhook`](crate::mechanism::webhook), which has an example.
///
/// 1. The layer checks the headers of the signature. Without a signature, or with one that is malformed or too old, the
///    response is 401, and the body is not read.
/// 2. It reads the body. The response to a body that is larger than the limit is 413, to one that ends prematurely 400. How
///    long that may take is up to the server.
/// 3. It verifies the signature, checks the timestamp again, inserts a [`VerifiedWebhook`] into the request extensions, and
///    calls the inner service with exactly the bytes of the body, when that service is ready. The headers are unchanged.
///
/// Put the layer inside of the timeout for requests, and outside of everything that reads or decompresses the body.
#[derive(Clone)]
pub struct WebhookLayer<R = EmptyBody> {
    verifier: WebhookVerifier,
    max_body: usize,
    challenges: Arc<Challenges>,
    clock: Arc<dyn Clock>,
    reject_body: R,
}

impl WebhookLayer {
    /// Creates a layer that accepts the webhooks of one provider. Rejections have no body.
    #[must_use]
    pub fn new(verifier: WebhookVerifier) -> Self {
        Self {
            challenges: Arc::new(challenges("countersign", &verifier)),
            verifier,
            max_body: MAX_BODY,
            clock: Arc::new(SystemClock),
            reject_body: EmptyBody,
        }
    }
}

fn challenges(realm: &str, verifier: &WebhookVerifier) -> Challenges {
    let mut challenges = Challenges::new(realm, None);
    let header = Carrier::Header(verifier.header().clone());
    challenges.add(&Challenge::named("Webhook"), vec![header]);
    challenges
}

impl<R> WebhookLayer<R> {
    /// Sets the largest body, in bytes. The default is 1 MiB. GitHub sends up to 25 MB.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the realm that challenges name (RFC 9110 §11.5). The default is `countersign`.
    ///
    /// # Errors
    ///
    /// [`BuildError::Realm`] if a challenge cannot quote it.
    pub fn realm(mut self, realm: &str) -> Result<Self, BuildError> {
        check_realm(realm)?;
        self.challenges = Arc::new(challenges(realm, &self.verifier));
        Ok(self)
    }

    /// Sets the clock. The default is the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the body of rejections. The default is no body.
    #[must_use]
    pub fn reject_body<N>(self, reject_body: N) -> WebhookLayer<N> {
        WebhookLayer {
            verifier: self.verifier,
            max_body: self.max_body,
            challenges: self.challenges,
            clock: self.clock,
            reject_body,
        }
    }

    pub(super) const fn limit(&self) -> usize {
        self.max_body
    }

    /// Checks what can be known before the body is read.
    fn check_head<B: Body>(&self, request: &Request<B>) -> Result<(), Reason> {
        let now = self.clock.now();
        self.verifier.check_head(request.headers(), now)?;
        match exceeds(request.body().size_hint().lower(), self.max_body) {
            true => Err(Reason::BodyTooLarge),
            false => Ok(()),
        }
    }

    /// Verifies the whole webhook.
    pub(super) fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<VerifiedWebhook, Reason> {
        let webhook = self.verifier.verify(headers, body, self.clock.now())?;
        metrics::count_accepted_scheme(Scheme::Custom(webhook.provider()));
        Ok(webhook)
    }

    /// Counts and logs a rejection, and makes its response.
    pub(super) fn reject<B>(&self, reason: Reason, headers: &HeaderMap) -> Response<B>
    where
        R: RejectBody<B>,
    {
        let header = Carrier::Header(self.verifier.header().clone());
        let challenges = Arc::clone(&self.challenges);
        let rejection = Rejection::of_credentials(reason, header, challenges);
        metrics::count_rejected(&rejection);
        log(&rejection);
        rejection.into_response(&self.reject_body, headers)
    }
}

impl<R> fmt::Debug for WebhookLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookLayer")
            .field("verifier", &self.verifier)
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}

impl<S, R: Clone> Layer<S> for WebhookLayer<R> {
    type Service = WebhookService<S, R>;

    fn layer(&self, inner: S) -> WebhookService<S, R> {
        WebhookService {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of a [`WebhookLayer`].
///
/// It is always ready: the inner service is not reserved while a body is read, and is waited for when the webhook was
/// verified.
#[derive(Clone, Debug)]
pub struct WebhookService<S, R> {
    inner: S,
    layer: WebhookLayer<R>,
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for WebhookService<S, R>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
    R: RejectBody<ResBody> + Clone,
    ReqBody: Body,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = WebhookFuture<S, R, ReqBody, ResBody>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if let Err(reason) = self.layer.check_head(&request) {
            return WebhookFuture::rejected(self.layer.reject(reason, request.headers()));
        }
        WebhookFuture::reading(self.layer.clone(), self.inner.clone(), request)
    }
}
