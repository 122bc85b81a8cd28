//! Middleware of every request, whatever its route: an id, a line in the log, a timeout, and 500 for a panic.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use countersign::random::{BatchedRandom, Random};
use countersign::rejection::Rejection;
use countersign::time::Clock;
use countersign_cli::config::AccessLog;
use countersign_wire::RequestId;
use futures_util::FutureExt as _;
use futures_util::future::{CatchUnwind, Either};
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::{Layer, Service};

use super::metrics::{RequestCounters, RequestMetrics};
use super::{health, host};
use crate::logging::{for_request, in_request};

/// Processes each request with its id in the log, and logs the response. A request that takes too long, such as one whose
/// body comes byte by byte, is answered with 408. It is a service of its own and no [`axum::middleware::from_fn`], which
/// boxes the inner service and two futures for each request.
///
/// `tower_http::request_id` keeps an id that the client sent, while the ids here are always the server's own: they
/// are in the log and the audit log, where no client may write. `tower_http::catch_panic` would box the body of every response,
/// and `tower_http::timeout` would start a timer for requests that are answered at once, too.
#[derive(Clone)]
pub(super) struct Observer(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    random: BatchedRandom,
    access: AccessLog,
    timeout: Duration,
    requests: RequestMetrics,
}

impl Observer {
    /// Creates the layer. A request may take as long as `timeout`.
    pub(super) fn new(
        access: AccessLog,
        timeout: Duration,
        clock: Arc<dyn Clock>,
        random: impl Random,
    ) -> Self {
        Self(Arc::new(Inner {
            clock,
            random: BatchedRandom::new(random),
            access,
            timeout,
            requests: RequestMetrics::default(),
        }))
    }

    /// Returns whether a request is logged. Probes come every few seconds, and are not unless they fail.
    fn logs(&self, route: Option<&str>, status: StatusCode) -> bool {
        let is_error = status.as_u16() >= 400;
        let is_probe = route.is_some_and(|route| health::PATHS.contains(&route));
        match self.0.access {
            AccessLog::All => is_error || !is_probe,
            AccessLog::Errors => is_error,
            AccessLog::Off => false,
        }
    }

    /// Processes a request of this route by `call`.
    pub(super) fn observe<F>(
        &self,
        request: Request,
        route: Option<Route>,
        call: impl FnOnce(Request, &RequestId) -> F,
    ) -> Observed<F>
    where
        F: Future<Output = Result<Response, Infallible>>,
    {
        let begun = Instant::now();
        let id = RequestId::new(self.0.clock.now(), &self.0.random);
        let method = known(request.method());
        let response = match host::is_valid(&request) {
            true => Either::Left(call(request, &id)),
            false => {
                let response = StatusCode::BAD_REQUEST.into_response();
                Either::Right(std::future::ready(Ok(response)))
            }
        };
        Observed {
            // After a panic nothing of the handler is used, so that no broken invariant can be observed; the process's panic
            // hook has logged the place.
            response: AssertUnwindSafe(in_request(id.clone(), response)).catch_unwind(),
            timeout: Timeout::NotWaited,
            request: Some(Observation {
                observer: self.clone(),
                begun,
                id,
                method,
                route,
            }),
        }
    }
}

/// The route of a request. It is logged and not the path, which may contain anything, even a key.
pub(super) enum Route {
    /// The template that the router has found.
    Matched(MatchedPath),
    /// That of a shortcut.
    Fixed(Arc<FixedRoute>),
}

/// A route without parameters.
pub(super) struct FixedRoute {
    path: Box<str>,
    /// The counters of successful requests. There is only one method.
    successful: OnceLock<RequestCounters>,
}

impl FixedRoute {
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: path.into(),
            successful: OnceLock::new(),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

impl Route {
    fn as_str(&self) -> &str {
        match self {
            Self::Matched(path) => path.as_str(),
            Self::Fixed(route) => &route.path,
        }
    }
}

impl<S> Layer<S> for Observer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe {
            inner,
            observer: self.clone(),
        }
    }
}

/// The service of an [`Observer`].
#[derive(Clone)]
pub(super) struct Observe<S> {
    inner: S,
    observer: Observer,
}

impl<S> Service<Request> for Observe<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let route = route.map(Route::Matched);
        self.observer.observe(request, route, |mut request, id| {
            request.extensions_mut().insert(id.clone());
            self.inner.call(request)
        })
    }
}

type Answer = std::future::Ready<Result<Response, Infallible>>;

pin_project! {
    /// The response to a request that is observed.
    pub(crate) struct Observed<F> {
        #[pin]
        response: CatchUnwind<AssertUnwindSafe<TaskLocalFuture<RequestId, Either<F, Answer>>>>,
        timeout: Timeout,
        // None after completion.
        request: Option<Observation>,
    }
}

impl<F> Future for Observed<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = match this.response.poll(cx) {
            Poll::Ready(Ok(Ok(response))) => response,
            Poll::Ready(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Poll::Pending => {
                let Some(request) = &*this.request else {
                    return Poll::Pending;
                };
                let end = request.begun + request.observer.0.timeout;
                ready!(this.timeout.poll(end, cx));
                StatusCode::REQUEST_TIMEOUT.into_response()
            }
        };
        Poll::Ready(Ok(match this.request.take() {
            Some(request) => request.complete(response),
            None => response,
        }))
    }
}

/// The timer of a request.
enum Timeout {
    NotWaited,
    WaitedOnce,
    Running(Pin<Box<Sleep>>),
}

impl Timeout {
    /// Waits until `end`. The timer starts when the request has waited twice: a request whose body has arrived with its head waits
    /// once, and is polled again at once.
    fn poll(&mut self, end: Instant, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::NotWaited => {
                *self = Self::WaitedOnce;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::WaitedOnce => {
                let mut sleep = Box::pin(sleep_until(end));
                let elapsed = sleep.as_mut().poll(cx);
                *self = Self::Running(sleep);
                elapsed
            }
            Self::Running(sleep) => sleep.as_mut().poll(cx),
        }
    }
}

/// A request whose response is awaited.
struct Observation {
    observer: Observer,
    begun: Instant,
    id: RequestId,
    method: &'static str,
    route: Option<Route>,
}

impl Observation {
    /// Counts and logs the response, and adds the id to it.
    fn complete(self, mut response: Response) -> Response {
        let Self {
            observer, method, ..
        } = &self;
        let route = self.route.as_ref().map(Route::as_str);
        let template = route.unwrap_or("none");
        let (status, duration) = (response.status(), self.begun.elapsed());
        match &self.route {
            Some(Route::Fixed(route)) if status == StatusCode::OK => route
                .successful
                .get_or_init(|| RequestCounters::of(method, template, status))
                .count(duration),
            _ => observer
                .0
                .requests
                .count(method, template, status, duration),
        }
        if observer.logs(route, status) {
            let rejection = response.extensions().get::<Rejection>();
            for_request(self.id.clone(), || {
                tracing::info!(
                    method,
                    route = template,
                    status = status.as_u16(),
                    reason = rejection.map(|rejection| rejection.reason().label()),
                    "request completed"
                );
            });
        }
        let headers = response.headers_mut();
        // The endpoints of `countersign_wire` have inserted it, for they also work without this layer.
        if !headers.contains_key(RequestId::HEADER) {
            headers.insert(RequestId::HEADER, self.id.to_header_value());
        }
        if status == StatusCode::REQUEST_TIMEOUT {
            // The rest of the request's body will not be read (RFC 9110 §15.5.9).
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Returns a standard method's name. Any other method is text that the client chose, and is not logged.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use countersign::random::SystemRandom;
    use countersign::time::SystemClock;
    use tower::ServiceExt as _;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn observer(access: AccessLog) -> Observer {
        Observer::new(access, TIMEOUT, Arc::new(SystemClock), SystemRandom)
    }

    async fn get_response(path: &str) -> Response {
        let observer = observer(AccessLog::All);
        let routes: Router = Router::new()
            .route("/fine", get(|| async { "fine" }))
            .route("/panics", get(panics))
            .route("/stuck", get(stuck))
            .layer(observer);
        let request = Request::get(path).header("host", "a.example");
        let request = request.body(Body::empty()).unwrap();
        routes.oneshot(request).await.unwrap()
    }

    async fn panics() -> &'static str {
        panic!("on purpose")
    }

    async fn stuck() -> &'static str {
        std::future::pending().await
    }

    #[test]
    fn requests_are_logged_by_their_status_and_probes_only_when_they_fail() {
        let (ok, rejected, failed) = (
            StatusCode::OK,
            StatusCode::UNAUTHORIZED,
            StatusCode::SERVICE_UNAVAILABLE,
        );
        for (access, logged) in [
            (AccessLog::All, [true, true, true]),
            (AccessLog::Errors, [false, true, true]),
            (AccessLog::Off, [false, false, false]),
        ] {
            let observer = observer(access);
            let found = [ok, rejected, failed].map(|status| observer.logs(None, status));
            assert_eq!(found, logged, "{access:?}");
        }
    }

    #[tokio::test]
    async fn panic_is_500_and_does_not_propagate() {
        let response = get_response("/panics").await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().contains_key(RequestId::HEADER));
    }

    #[tokio::test(start_paused = true)]
    async fn request_that_takes_too_long_is_408_and_closes_the_connection() {
        let begun = Instant::now();
        let response = get_response("/stuck").await;
        assert_eq!(begun.elapsed(), TIMEOUT);
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(response.headers()[CONNECTION], "close");
    }

    #[tokio::test]
    async fn every_response_has_a_unique_id_of_version_7() {
        let mut ids = Vec::new();
        for path in ["/fine", "/fine", "/unknown"] {
            let response = get_response(path).await;
            let id = response.headers()[RequestId::HEADER]
                .to_str()
                .unwrap()
                .to_owned();
            assert_eq!(
                id.parse::<uuid::Uuid>().unwrap().get_version_num(),
                7,
                "{id}"
            );
            assert!(!ids.contains(&id));
            ids.push(id);
        }
    }
}
