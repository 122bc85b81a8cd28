//! Middleware of every request, whatever its route: an id, a line in the log, a timeout, and 500 for a panic.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign::random::Random;
use countersign::rejection::Rejection;
use countersign::time::Clock;
use countersign_wire::RequestId;
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument as _;

use super::metrics::RequestMetrics;
use super::{health, host};
use crate::config::AccessLog;

/// Returns the layer that answers 408 for a request that takes too long, such as one whose body comes byte by byte.
pub(super) fn timeout(longest: Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, longest)
}

/// Generates request ids.
///
/// `tower_http::request_id` keeps an id that the client sent, while the ids here are always the server's own: they
/// are in the log and the audit log, where no client may write.
#[derive(Clone)]
pub(super) struct Observer {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    access: AccessLog,
    requests: Arc<RequestMetrics>,
}

impl Observer {
    pub(super) fn new(access: AccessLog, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            clock,
            random,
            access,
            requests: Arc::default(),
        }
    }

    /// Returns whether a request is logged. Probes come every few seconds, and are not unless they fail.
    fn logs(&self, route: Option<&MatchedPath>, status: StatusCode) -> bool {
        let is_error = status.as_u16() >= 400;
        let is_probe = route.is_some_and(|route| health::PATHS.contains(&route.as_str()));
        match self.access {
            AccessLog::All => is_error || !is_probe,
            AccessLog::Errors => is_error,
            AccessLog::Off => false,
        }
    }

    fn request_id(&self) -> RequestId {
        RequestId::new(self.clock.now(), &*self.random)
    }
}

/// Processes the request in a span with its id, and logs the response.
pub(super) async fn observe(
    State(observer): State<Observer>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = observer.request_id();
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", %id);
    let method = known(request.method());
    // The route is logged and not the path, which may contain anything, even a key.
    let route = request.extensions().get::<MatchedPath>().cloned();
    // `tower_http::catch_panic` would box the body of every response. After a panic nothing of the handler is used,
    // so that no broken invariant can be observed; the process's panic hook has logged the place.
    let respond = async {
        match host::is_valid(&request) {
            true => next.run(request).await,
            false => StatusCode::BAD_REQUEST.into_response(),
        }
    };
    let caught = AssertUnwindSafe(respond.instrument(span.clone())).catch_unwind();
    let internal_error = || StatusCode::INTERNAL_SERVER_ERROR.into_response();
    let mut response = caught.await.unwrap_or_else(|_| internal_error());
    let template = route.as_ref().map_or("none", |route| route.as_str());
    let (status, duration) = (response.status(), begun.elapsed());
    observer.requests.count(method, template, status, duration);
    if observer.logs(route.as_ref(), response.status()) {
        let rejection = response.extensions().get::<Rejection>();
        tracing::info!(
            parent: &span,
            method,
            route = template,
            status = response.status().as_u16(),
            reason = rejection.map(|rejection| rejection.reason().label()),
            "request completed"
        );
    }
    let timed_out = response.status() == StatusCode::REQUEST_TIMEOUT;
    let headers = response.headers_mut();
    headers.insert(RequestId::HEADER, id.to_header_value());
    if timed_out {
        // The rest of the request's body will not be read (RFC 9110 §15.5.9).
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
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

    async fn get_response(path: &str) -> Response {
        let observer = Observer::new(
            AccessLog::All,
            Arc::new(SystemClock),
            Arc::new(SystemRandom),
        );
        let routes: Router = Router::new()
            .route("/fine", get(|| async { "fine" }))
            .route("/panics", get(panics))
            .route("/stuck", get(stuck))
            .layer(timeout(Duration::from_secs(30)))
            .layer(axum::middleware::from_fn_with_state(observer, observe));
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
            let observer = Observer::new(access, Arc::new(SystemClock), Arc::new(SystemRandom));
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
        let response = get_response("/stuck").await;
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
