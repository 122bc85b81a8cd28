use std::fmt::Write as _;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use super::Rejection;

/// Chooses the body of a rejection. Status, challenges, `Retry-After` and `Cache-Control` are set
/// afterwards, so that an implementation cannot forget or change them.
///
/// Closures `Fn(&Rejection) -> Response<B>` implement it.
///
/// ```
/// use countersign::rejection::{RejectBody, Rejection};
/// use http::Response;
///
/// fn plain_text(rejection: &Rejection) -> Response<String> {
///     Response::new(rejection.public_text().to_owned())
/// }
/// fn accepts(_: impl RejectBody<String>) {}
/// accepts(plain_text);
/// ```
pub trait RejectBody<B> {
    /// Returns the body, and the headers that describe it.
    fn reject(&self, rejection: &Rejection) -> Response<B>;

    /// Returns an empty body if gRPC requests are to be answered in gRPC's own way. See
    /// [`Grpc`](super::Grpc).
    fn empty_for_grpc(&self) -> Option<B> {
        None
    }

    /// Returns whether an outer [`AuthLayer`](crate::auth::AuthLayer) chooses the body.
    #[doc(hidden)]
    fn is_inherited(&self) -> bool {
        false
    }
}

impl<B, F: Fn(&Rejection) -> Response<B>> RejectBody<B> for F {
    fn reject(&self, rejection: &Rejection) -> Response<B> {
        self(rejection)
    }
}

/// No body. The status and the challenges are enough for most clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl<B: Default> RejectBody<B> for EmptyBody {
    fn reject(&self, _: &Rejection) -> Response<B> {
        Response::new(B::default())
    }
}

/// The body that the [`AuthLayer`](crate::auth::AuthLayer) outside chooses. This is the default of
/// [`require`](crate::require::require), so that a router sets the body of all rejections once.
#[derive(Clone, Copy, Debug, Default)]
pub struct InheritedBody;

impl<B: Default> RejectBody<B> for InheritedBody {
    fn reject(&self, _: &Rejection) -> Response<B> {
        Response::new(B::default())
    }

    fn is_inherited(&self) -> bool {
        true
    }
}

/// `application/problem+json` (RFC 9457) with `status`, `title` and `detail`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemDetails;

impl<B: From<String>> RejectBody<B> for ProblemDetails {
    fn reject(&self, rejection: &Rejection) -> Response<B> {
        let status = rejection.kind().status();
        let mut json = String::with_capacity(128);
        // These texts are this crate's own, and need no escaping.
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
