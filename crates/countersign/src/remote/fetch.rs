use std::error::Error;
use std::fmt;

use http::{Request, Response};

use crate::BoxFuture;

/// An HTTP client, as far as keys need one: a GET.
///
/// It sends the request's headers, and adds none that ask for a compressed body. It verifies certificates, **follows
/// no redirect**, and gives the status as it came. How long it may take is not its concern: it is dropped at the
/// deadline. With reqwest, whose client is built with `redirect(Policy::none())`:
///
/// ```
/// # mod reqwest {
/// #     #[derive(Clone)] pub struct Client;
/// #     pub struct Response;
/// #     impl Client { pub fn get(&self, _: String) -> Self { Self }
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
///     fn get<'a>(
///         &'a self,
///         request: Request<()>,
///         body: &'a mut FetchedBody,
///     ) -> BoxFuture<'a, Result<Response<()>, Box<dyn std::error::Error + Send + Sync>>> {
///         Box::pin(async move {
///             let get = self.0.get(request.uri().to_string()).headers(request.headers().clone());
///             let mut response = get.send().await?;
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
    /// Sends `request`, a GET with an absolute URL, puts what the response's body holds into `body`, and returns
    /// the response's head.
    ///
    /// # Errors
    ///
    /// Whatever kept it from a whole response. It is logged, and counts as [`FetchError::Client`](super::FetchError).
    fn get<'a>(
        &'a self,
        request: Request<()>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>>;
}

impl<F: Fetch + ?Sized> Fetch for std::sync::Arc<F> {
    fn get<'a>(
        &'a self,
        request: Request<()>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        (**self).get(request, body)
    }
}

/// The longest document that is read, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Where a response's body is collected, up to 256 KiB.
#[derive(Debug, Default)]
pub struct FetchedBody {
    bytes: Vec<u8>,
    too_long: bool,
}

impl FetchedBody {
    /// Takes the next part of the body.
    ///
    /// # Errors
    ///
    /// [`TooLong`] when the body is longer than is read: the rest is of no use.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), TooLong> {
        if self.too_long || self.bytes.len().saturating_add(chunk.len()) > MAX_DOCUMENT {
            self.too_long = true;
            return Err(TooLong);
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// What was collected. A client that went on after [`TooLong`] changes nothing.
    pub(super) fn into_bytes(self) -> Result<Vec<u8>, TooLong> {
        if self.too_long {
            Err(TooLong)
        } else {
            Ok(self.bytes)
        }
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.too_long
    }
}

/// The body is longer than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the document is longer than 256 KiB")
    }
}

impl Error for TooLong {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_of_the_limit_is_taken_and_one_byte_more_is_not() {
        let mut body = FetchedBody::default();
        assert_eq!(body.push(&vec![b' '; MAX_DOCUMENT]), Ok(()));
        assert_eq!(body.push(b""), Ok(()));
        assert_eq!(body.push(b" "), Err(TooLong));
        assert_eq!(body.push(b""), Err(TooLong), "and it stays so");
        assert_eq!(body.into_bytes(), Err(TooLong));
    }
}
