//! Closes HTTP/1.1 connections whose request body was not read.
//!
//! Such a connection cannot be used again. `connection: close` in the response (RFC 9112 §9.6) tells the client so;
//! without it, the client's next request would fail.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use axum::middleware::Next;
use axum::response::Response;

/// Adds `connection: close` to the response if a part of the request body was not read.
pub(super) async fn close_unread(request: Request, next: Next) -> Response {
    if request.version() > Version::HTTP_11 || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let read = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&read);
    let request = request.map(|inner| {
        Body::new(Watched {
            inner,
            read: watched,
        })
    });
    let mut response = next.run(request).await;
    if !read.load(Ordering::Relaxed) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// A body that notes when it was read to its end.
struct Watched {
    inner: Body,
    read: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.is_none() || self.inner.is_end_stream() {
            self.read.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::post;
    use tower::ServiceExt as _;

    async fn connection_header(path: &str, body: &'static str) -> Option<HeaderValue> {
        let routes: Router = Router::new()
            .route("/reads", post(|_: Bytes| async {}))
            .route("/rejects", post(|| async {}))
            .layer(axum::middleware::from_fn(close_unread));
        let request = Request::post(path).body(Body::from(body)).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        response.headers().get(CONNECTION).cloned()
    }

    #[tokio::test]
    async fn connection_is_closed_only_if_a_body_was_not_read() {
        assert_eq!(connection_header("/rejects", "{}").await.unwrap(), "close");
        assert_eq!(connection_header("/rejects", "").await, None);
        assert_eq!(connection_header("/reads", "{}").await, None);
        assert_eq!(connection_header("/reads", "").await, None);
    }
}
