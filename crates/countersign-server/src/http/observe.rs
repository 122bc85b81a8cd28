//! What every request gets, whatever its route: an id, a line in the log, an end.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use countersign::random::Random;
use countersign::rejection::Rejection;
use countersign::time::Clock;
use countersign_wire::RequestId;
use futures_util::FutureExt as _;
use tracing::Instrument as _;

/// How long a request may take, its body included: whoever sends it byte by byte is cut off.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes ids of requests.
#[derive(Clone)]
pub(super) struct Observer {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Observer {
    pub(super) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random }
    }

    fn request_id(&self) -> RequestId {
        RequestId::new(self.clock.now(), &*self.random)
    }
}

/// Runs the rest, and says what became of it.
pub(super) async fn observe(
    State(observer): State<Observer>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = observer.request_id();
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", %id);
    let method = known(request.method());
    // The route, not the path: anything may stand in a path, a key too.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = answer(request, next).instrument(span.clone()).await;
    let rejection = response.extensions().get::<Rejection>();
    tracing::info!(
        parent: &span,
        method,
        route = route.as_ref().map_or("none", |route| route.as_str()),
        status = response.status().as_u16(),
        reason = rejection.map(|rejection| rejection.reason().label()),
        "answered"
    );
    let headers = response.headers_mut();
    headers.insert(RequestId::HEADER, id.to_header_value());
    response
}

/// The answer, also where the handler panicked or did not come to an end.
async fn answer(request: Request, next: Next) -> Response {
    // Nothing of the handler's is looked at after a panic, so nothing half-made can be seen.
    let caught = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(PATIENCE, caught).await {
        Ok(Ok(response)) => response,
        // The process's panic hook has said where.
        Ok(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(_) => {
            let close = (CONNECTION, HeaderValue::from_static("close"));
            (StatusCode::REQUEST_TIMEOUT, [close]).into_response()
        }
    }
}

/// A method that is none of these may be any word.
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

    async fn ask(path: &str) -> Response {
        let observer = Observer::new(Arc::new(SystemClock), Arc::new(SystemRandom));
        let routes: Router = Router::new()
            .route("/fine", get(|| async { "fine" }))
            .route("/panics", get(panics))
            .route("/stuck", get(stuck))
            .layer(axum::middleware::from_fn_with_state(observer, observe));
        let request = Request::get(path).body(Body::empty()).unwrap();
        routes.oneshot(request).await.unwrap()
    }

    async fn panics() -> &'static str {
        panic!("on purpose")
    }

    async fn stuck() -> &'static str {
        std::future::pending().await
    }

    #[tokio::test]
    async fn a_panic_is_500_and_goes_no_further() {
        let response = ask("/panics").await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().contains_key(RequestId::HEADER));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_408() {
        assert_eq!(ask("/stuck").await.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn every_answer_has_an_id_of_its_own_of_version_7() {
        let mut ids = Vec::new();
        for path in ["/fine", "/fine", "/unknown"] {
            let response = ask(path).await;
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
