use std::fmt::Write as _;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response};

use super::{Rejection, grpc};

/// Chooses the body of a rejection. Status, challenge, `Retry-After` and `Cache-Control` are set
/// afterwards, so that none of them can be forgotten or overruled.
///
/// Closures `Fn(&Rejection) -> Response<B>` are rejection bodies too.
///
/// ```
/// use countersign::rejection::{RejectBody, Rejection};
/// use http::Response;
///
/// fn teapot(rejection: &Rejection) -> Response<String> {
///     Response::new(format!("no: {}", rejection.public_text()))
/// }
/// fn accepts(_: impl RejectBody<String>) {}
/// accepts(teapot);
/// ```
pub trait RejectBody<B> {
    /// The body, and the headers that describe it.
    fn reject(&self, rejection: &Rejection) -> Response<B>;

    /// An empty body, where requests of gRPC are to be answered in its own way: see [`Grpc`](super::Grpc).
    fn empty_for_grpc(&self) -> Option<B> {
        None
    }
}

impl<B, F: Fn(&Rejection) -> Response<B>> RejectBody<B> for F {
    fn reject(&self, rejection: &Rejection) -> Response<B> {
        self(rejection)
    }
}

/// No body: status and challenge say it all.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl<B: Default> RejectBody<B> for EmptyBody {
    fn reject(&self, _: &Rejection) -> Response<B> {
        Response::new(B::default())
    }
}

/// `application/problem+json` (RFC 9457) with `status`, `title` and `detail`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemDetails;

impl<B: From<String>> RejectBody<B> for ProblemDetails {
    fn reject(&self, rejection: &Rejection) -> Response<B> {
        let status = rejection.kind().status();
        let mut json = String::with_capacity(128);
        // None of the three needs escaping: they are this crate's own texts.
        let _ = write!(
            json,
            r#"{{"status":{},"title":"{}","detail":"{}"}}"#,
            status.as_u16(),
            status.canonical_reason().unwrap_or_default(),
            rejection.public_text(),
        );
        let mut response = Response::new(B::from(json));
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

impl Rejection {
    /// The whole response to a request of these headers. The rejection itself goes into its extensions.
    pub(crate) fn into_response<B>(
        self,
        body: &impl RejectBody<B>,
        request: &HeaderMap,
    ) -> Response<B> {
        if let Some(empty) = body.empty_for_grpc()
            && grpc::is_grpc(request)
        {
            let mut response = grpc::respond(&self, empty);
            response.extensions_mut().insert(self);
            return response;
        }
        let mut response = body.reject(&self);
        *response.status_mut() = self.kind().status();
        let headers = response.headers_mut();
        headers.remove(WWW_AUTHENTICATE);
        for challenge in self.challenges() {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.remove(RETRY_AFTER);
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}
