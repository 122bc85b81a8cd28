//! What every request gets, whatever its route: an id, a line in the log, an end.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use countersign::random::Random;
use countersign::rejection::Rejection;
use countersign::time::Clock;
use futures_util::FutureExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
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

    /// UUIDv7 (RFC 9562 §5.7): ours alone, since one that a client chose could be another's.
    fn request_id(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().unix_millis()).unwrap_or(0);
        let mut random = [0; 10];
        // Without random bytes two requests of one millisecond share an id; no decision rests on it.
        let _ = self.random.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// Runs the rest, and says what became of it.
pub(super) async fn observe(
    State(observer): State<Observer>,
    request: Request,
    next: Next,
) -> Response {
    let id = observer.request_id();
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
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The answer, also where the handler panicked or did not come to an end.
async fn answer(request: Request, next: Next) -> Response {
    // Nothing of the handler's is looked at after a panic, so nothing half-made can be seen.
    let caught = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(PATIENCE, caught).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("the handler panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
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
