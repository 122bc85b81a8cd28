use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::{EmptyBody, RejectBody, Rejection, RejectionKind};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Rejections for services that speak gRPC: HTTP 200, with the status in the headers and no body ("Trailers-Only" in
/// the gRPC protocol over HTTP/2). Requests of another content type are answered by `R`.
///
/// Only a layer with this body answers like this. The content type of a request alone never turns a
/// rejection into a 200.
///
/// | kind | `grpc-status` |
/// |---|---|
/// | `Missing`, `Malformed`, `Invalid` | 16 `UNAUTHENTICATED` |
/// | `InsufficientScope`, `Forbidden` | 7 `PERMISSION_DENIED` |
/// | `BodyIncomplete` | 3 `INVALID_ARGUMENT` |
/// | `TooManyRequests`, `BodyTooLarge` | 8 `RESOURCE_EXHAUSTED` |
/// | `Unavailable` | 14 `UNAVAILABLE` |
/// | `Misconfigured` | 13 `INTERNAL` |
///
/// ```
/// # use std::sync::Arc;
/// # use countersign::directory::MemoryDirectory;
/// # use countersign::key::{Pepper, Peppers};
/// # use countersign::mechanism::ApiKeys;
/// # use http::{Request, Response, StatusCode};
/// # use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use countersign::AuthLayer;
/// use countersign::rejection::Grpc;
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let keys = ApiKeys::new(Arc::new(MemoryDirectory::default()), peppers);
/// # let handler = service_fn(|_| async { Ok::<_, std::convert::Infallible>(Response::new(())) });
/// let layer = AuthLayer::builder().primary(keys).build()?.reject_body(Grpc::default());
/// let service = ServiceBuilder::new().layer(layer).service(handler);
///
/// let call = Request::post("/calls.v1.Calls/List").header("content-type", "application/grpc").body(())?;
/// let rejected = service.clone().oneshot(call).await?;
/// assert_eq!((rejected.status(), &rejected.headers()["grpc-status"]), (StatusCode::OK, &16.into()));
///
/// let other = service.oneshot(Request::get("/").body(())?).await?;
/// assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Grpc<R = EmptyBody>(R);

impl Default for Grpc {
    /// Answers other requests without a body.
    fn default() -> Self {
        Self(EmptyBody)
    }
}

impl<R> Grpc<R> {
    /// Answers other requests with `others`.
    #[must_use]
    pub const fn or(others: R) -> Self {
        Self(others)
    }
}

impl<B: Default, R: RejectBody<B>> RejectBody<B> for Grpc<R> {
    fn reject(&self, rejection: &Rejection) -> Response<B> {
        self.0.reject(rejection)
    }

    fn empty_for_grpc(&self) -> Option<B> {
        Some(B::default())
    }
}

/// Returns whether the content type is `application/grpc`, with any message format after a `+`.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let name = b"application/grpc";
    value.is_some_and(|value| {
        let (Some(head), rest) = (value.get(..name.len()), value.get(name.len())) else {
            return false;
        };
        head.eq_ignore_ascii_case(name) && matches!(rest, None | Some(b'+' | b';' | b' '))
    })
}

/// Makes a response with the status alone. The text is ASCII, and needs no percent-encoding.
pub(super) fn respond<B>(rejection: &Rejection, body: B) -> Response<B> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from(status(rejection.kind())));
    if let Ok(message) = HeaderValue::from_str(rejection.public_text()) {
        headers.insert(GRPC_MESSAGE, message);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = rejection.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

const fn status(kind: RejectionKind) -> u16 {
    match kind {
        RejectionKind::Missing | RejectionKind::Malformed | RejectionKind::Invalid => 16,
        RejectionKind::InsufficientScope | RejectionKind::Forbidden => 7,
        RejectionKind::BodyIncomplete => 3,
        RejectionKind::TooManyRequests | RejectionKind::BodyTooLarge => 8,
        RejectionKind::Unavailable => 14,
        RejectionKind::Misconfigured => 13,
    }
}
