//! Bodies that are large, chunked or slow.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body::Frame;
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use hyper::body::Bytes;
use tower::ServiceExt as _;

use crate::fixture::{Fixture, GRANT, WireKind, basic};

// `expected_responses.rs` has the response to a larger body.
#[tokio::test]
async fn body_of_16_kib_is_read() {
    let fixture = Fixture::new().await;
    for wire in WireKind::ALL {
        let (body, fill) = match wire {
            WireKind::Envelope => ("{}".to_owned(), " "),
            WireKind::OAuth => (format!("{GRANT}&x="), "y"),
            wire => {
                let body = fixture
                    .valid_request(wire)
                    .into_body()
                    .collect()
                    .await
                    .unwrap();
                (String::from_utf8(body.to_bytes().to_vec()).unwrap(), " ")
            }
        };
        let fits = 16 * 1024 - body.len();
        let body = format!("{body}{}", fill.repeat(fits));
        let response = fixture.post_with_key(wire, body.clone()).await;
        assert_eq!(response.status, 200, "{wire:?}");
        let response = fixture.post_with_key(wire, format!("{body}{fill}")).await;
        let status = if wire == WireKind::Scoped { 400 } else { 413 };
        assert_eq!(response.status, status, "{wire:?}");
    }
}

/// A body without a length that never ends and counts how often it is polled.
struct Endless(Arc<AtomicUsize>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'a'; 1024])))))
    }
}

// Credentials in headers are authenticated before the body is read.
#[tokio::test]
async fn endless_body_is_read_up_to_the_limit_and_not_at_all_after_invalid_header_credentials() {
    let fixture = Fixture::new().await;
    for wire in WireKind::ALL {
        let large = if wire == WireKind::Scoped { 400 } else { 413 };
        let (bad, unread) = match WireKind::HEADERS.contains(&wire) {
            true => (401, 0),
            false => (large, 17),
        };
        for (key, status, most) in [(fixture.api_key(), large, 17), ("cs_bad", bad, unread)] {
            let polled = Arc::default();
            let body = Endless(Arc::clone(&polled)).boxed_unsync();
            let request = wire.builder(&[("x-api-key", key)]).body(body).unwrap();
            let response = fixture.send(wire, request).await;
            assert_eq!(response.status, status, "{wire:?}");
            let frames = polled.load(Ordering::SeqCst);
            assert!(frames <= most, "{frames} frames were read");
        }
    }
}

// The body has no `Content-Length`.
#[tokio::test]
async fn chunked_body_is_read_as_one_body() {
    let fixture = Fixture::new().await;
    for wire in WireKind::ALL {
        let (head, body) = fixture.valid_request(wire).into_parts();
        let whole = body.collect().await.unwrap().to_bytes();
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(8);
        let request = http::Request::from_parts(head, body.boxed_unsync());
        let send = async {
            for byte in whole.chunks(7) {
                sender
                    .send_data(Bytes::copy_from_slice(byte))
                    .await
                    .unwrap();
            }
            drop(sender);
        };
        let (response, ()) = tokio::join!(fixture.send(wire, request), send);
        assert_eq!(response.status, 200, "{wire:?}");
    }
}

// Authentication happens before the body arrives; the endpoint revalidates the principal afterwards.
#[tokio::test]
async fn key_revoked_while_the_body_arrives_gets_no_token() {
    for wire in WireKind::HEADERS {
        for header in ["x-api-key", "authorization"] {
            let fixture = Fixture::new().await;
            let value = match header {
                "authorization" if wire == WireKind::Scoped => continue,
                "authorization" => basic(&fixture.id(), fixture.secret()),
                _ => fixture.api_key().to_owned(),
            };
            let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
            let request = wire.builder(&[(header, &value)]);
            let request = request.body(body.boxed_unsync()).unwrap();
            let mut response = tokio_test::task::spawn(fixture.endpoint(wire).oneshot(request));
            assert!(
                response.poll().is_pending(),
                "the key is valid, and the endpoint waits for the body"
            );
            fixture.revoke().await;
            sender.send_data(wire.body().into()).await.unwrap();
            drop(sender);
            let response = response.await.unwrap();
            assert_eq!(response.status(), 401, "{wire:?} {header}");
        }
    }
}
