//! A connection whose request was answered before its body was read cannot be used again. HTTP/1.1 says so in the
//! answer (RFC 9112 §9.6), or a client finds out with its next request.

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

/// Says `connection: close` where a part of the body was left unread.
pub(super) async fn tell(request: Request, next: Next) -> Response {
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

/// A body that says when all of it was read.
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

    async fn ask(path: &str, body: &'static str) -> Option<HeaderValue> {
        let routes: Router = Router::new()
            .route("/reads", post(|_: Bytes| async {}))
            .route("/refuses", post(|| async {}))
            .layer(axum::middleware::from_fn(tell));
        let request = Request::post(path).body(Body::from(body)).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        response.headers().get(CONNECTION).cloned()
    }

    #[tokio::test]
    async fn connection_is_closed_where_a_body_was_left_unread_and_nowhere_else() {
        assert_eq!(ask("/refuses", "{}").await.unwrap(), "close");
        assert_eq!(ask("/refuses", "").await, None);
        assert_eq!(ask("/reads", "{}").await, None);
        assert_eq!(ask("/reads", "").await, None);
    }
}
