use std::error::Error;
use std::fmt;

use http::{Request, Response};
use zeroize::Zeroizing;

use crate::BoxFuture;

/// An HTTP client that fetches documents with GET, and introspects tokens with POST.
///
/// An implementation sends the method, the headers and the body of the request, and does not ask for compression. It verifies certificates,
/// **does not follow redirects**, and returns the status unchanged. It needs no time limit: its future is dropped at
/// the deadline. With reqwest, whose client is built with `redirect(Policy::none())`:
///
/// ```
/// # mod reqwest {
/// #     #[derive(Clone)] pub struct Client;
/// #     pub struct Response;
/// #     impl Client { pub fn request(&self, _: http::Method, _: String) -> Self { Self }
/// #         pub fn body(self, _: Vec<u8>) -> Self { self }
/// #         pub fn headers(self, _: http::HeaderMap) -> Self { self }
/// #         pub async fn send(self) -> std::io::Result<Response> { Ok(Response) } }
/// #     impl Response { pub fn status(&self) -> http::StatusCode { http::StatusCode::OK }
/// #         pub fn headers(&self) -> &http::HeaderMap { std::process::abort() }
/// #         pub async fn chunk(&mut self) -> std::io::Result<Option<Vec<u8>>> { Ok(None) } }
/// # }
/// use countersign::BoxFuture;
/// use countersign::remote::{Fetch, FetchedBody};
/// use http::{Request, Response};
///
/// struct Reqwest(reqwest::Client);
///
/// impl Fetch for Reqwest {
///     fn send<'a>(
///         &'a self,
///         request: Request<Vec<u8>>,
///         body: &'a mut FetchedBody,
///     ) -> BoxFuture<'a, Result<Response<()>, Box<dyn std::error::Error + Send + Sync>>> {
///         Box::pin(async move {
///             let sent = self.0.request(request.method().clone(), request.uri().to_string());
///             let sent = sent.headers(request.headers().clone()).body(request.into_body());
///             let mut response = sent.send().await?;
///             let mut head = Response::new(());
///             *head.status_mut() = response.status();
///             *head.headers_mut() = response.headers().clone();
///             while let Some(chunk) = response.chunk().await? {
///                 body.push(&chunk)?;
///             }
///             Ok(head)
///         })
///     }
/// }
/// ```
pub trait Fetch: Send + Sync + 'static {
    /// Sends `request`, a GET or POST with an absolute URL, appends the body of the response to `body`, and returns the
    /// head of the response.
    ///
    /// # Errors
    ///
    /// Any error that prevented a complete response. It is logged, and counts as
    /// [`FetchError::Client`](super::FetchError::Client).
    fn send<'a>(
        &'a self,
        request: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>>;
}

impl<F: Fetch + ?Sized> Fetch for std::sync::Arc<F> {
    fn send<'a>(
        &'a self,
        request: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        (**self).send(request, body)
    }
}

/// The longest document, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;

/// The body of a response, of at most 256 KiB, or as long as a message of a feed may be. Its memory is overwritten when it is
/// dropped.
pub struct FetchedBody {
    bytes: Zeroizing<Vec<u8>>,
    longest: usize,
    too_long: bool,
}

impl Default for FetchedBody {
    fn default() -> Self {
        Self::up_to(MAX_DOCUMENT)
    }
}

impl FetchedBody {
    /// Creates an empty body that may become this many bytes long.
    pub(super) fn up_to(longest: usize) -> Self {
        Self {
            bytes: Zeroizing::default(),
            longest,
            too_long: false,
        }
    }

    /// Appends the next part of the body.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if the body is longer than permitted. The client should stop reading then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), TooLong> {
        let length = self.bytes.len().saturating_add(chunk.len());
        if self.too_long || length > self.longest {
            self.too_long = true;
            return Err(TooLong);
        }
        let capacity = self.bytes.capacity();
        if length > capacity {
            // A vector that grows by itself leaves a copy in memory, and the body may contain secrets.
            let capacity = capacity.saturating_mul(2).min(self.longest).max(length);
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Returns the whole body, or an error if any part did not fit.
    pub(super) fn into_bytes(mut self) -> Result<Vec<u8>, TooLong> {
        if self.too_long {
            return Err(TooLong);
        }
        Ok(std::mem::take(&mut *self.bytes))
    }
}

impl fmt::Debug for FetchedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedBody")
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// The error for a body that is longer than permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document is longer than permitted")]
#[non_exhaustive]
pub struct TooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_of_the_maximum_length_is_accepted_and_one_byte_more_is_not() {
        let mut body = FetchedBody::default();
        assert_eq!(body.push(&vec![b' '; MAX_DOCUMENT]), Ok(()));
        assert_eq!(body.push(b""), Ok(()));
        assert_eq!(body.push(b" "), Err(TooLong));
        assert_eq!(body.push(b""), Err(TooLong), "it stays too long");
        assert_eq!(body.into_bytes(), Err(TooLong));
    }
}
