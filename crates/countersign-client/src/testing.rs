//! A token endpoint and an API in memory, for tests (feature `testing`).

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

use crate::source::lock;

type Answer = Box<dyn FnMut(usize, Request<Full<Bytes>>) -> Response<Full<Bytes>> + Send>;

/// An HTTP service that answers with a function, and counts its requests. Clones share the function and the count.
///
/// ```
/// use countersign_client::testing::{FakeServer, token_response};
/// use countersign_client::{Credentials, Tokens};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let server = FakeServer::new(|number, _| token_response(&format!("token-{number}"), 3600));
/// let credentials = Credentials::client_secret("reports", "s3cret");
/// let tokens = Tokens::oauth("https://auth.example/oauth/token", credentials).build_with(server.clone())?;
///
/// assert_eq!(tokens.get().await?.authorization(), "Bearer token-1");
/// assert_eq!(tokens.get().await?.authorization(), "Bearer token-1");
/// assert_eq!(server.requests(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FakeServer(Arc<Mutex<(usize, Answer)>>);

impl FakeServer {
    /// Creates a server that answers with `answer`, which gets the number of the request, from 1, and the request.
    pub fn new(
        answer: impl FnMut(usize, Request<Full<Bytes>>) -> Response<Full<Bytes>> + Send + 'static,
    ) -> Self {
        Self(Arc::new(Mutex::new((0, Box::new(answer)))))
    }

    /// Returns the number of requests so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        lock(&self.0).0
    }
}

impl std::fmt::Debug for FakeServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FakeServer").field(&self.requests()).finish()
    }
}

impl Service<Request<Full<Bytes>>> for FakeServer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let mut server = lock(&self.0);
        server.0 += 1;
        let number = server.0;
        std::future::ready(Ok((server.1)(number, request)))
    }
}

/// Returns a successful response of an OAuth token endpoint (RFC 6749 §5.1).
#[must_use]
pub fn token_response(token: &str, expires_in: u64) -> Response<Full<Bytes>> {
    let body = serde_json::json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in });
    Response::new(Full::from(body.to_string()))
}

/// Returns an empty response with a status and headers.
///
/// # Panics
///
/// If the status or a header is not valid.
#[must_use]
#[allow(clippy::expect_used, reason = "a helper for tests")]
pub fn status_response(status: u16, headers: &[(&str, &str)]) -> Response<Full<Bytes>> {
    let builder = headers.iter().fold(
        Response::builder().status(status),
        |builder, (name, value)| builder.header(*name, *value),
    );
    builder
        .body(Full::default())
        .expect("a valid status and valid headers")
}
