use std::sync::LazyLock;

use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Uri};

/// The head of a request, as mechanisms see it. An [`AuthLayer`](crate::auth::AuthLayer) has removed
/// the credentials from the headers before a mechanism sees them.
///
/// ```
/// use countersign::credentials::RequestHead;
/// use http::Request;
///
/// let request = Request::get("/calls").body(())?;
/// let head = RequestHead::new(&request);
/// assert_eq!(head.uri.path(), "/calls");
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The extensions, such as the [`ClientAddress`](super::ClientAddress).
    pub extensions: &'a Extensions,
}

/// The request `GET /` without headers.
static EMPTY: LazyLock<Request<()>> = LazyLock::new(Request::default);

impl RequestHead<'static> {
    /// Returns the head of `GET /` without headers, for credentials that did not come with a request.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(&EMPTY)
    }
}

impl<'a> RequestHead<'a> {
    /// Returns the head of a request.
    #[must_use]
    pub fn new<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'a> From<&'a Parts> for RequestHead<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}
