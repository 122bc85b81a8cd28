//! Bodies that are large, come in pieces, or take their time.

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

use crate::fixture::{Fixture, GRANT, Wired, basic};

// The table of statuses has what is said of a body that is larger.
#[tokio::test]
async fn body_of_16_kib_is_read() {
    let fixture = Fixture::new().await;
    for wired in Wired::ALL {
        let (body, fill) = match wired {
            Wired::Envelope => ("{}".to_owned(), " "),
            Wired::OAuth => (format!("{GRANT}&x="), "y"),
            wired => {
                let body = fixture.good(wired).into_body().collect().await.unwrap();
                (String::from_utf8(body.to_bytes().to_vec()).unwrap(), " ")
            }
        };
        let fits = 16 * 1024 - body.len();
        let body = format!("{body}{}", fill.repeat(fits));
        let answer = fixture.with_key(wired, body.clone()).await;
        assert_eq!(answer.status, 200, "{wired:?}");
        let answer = fixture.with_key(wired, format!("{body}{fill}")).await;
        let status = if wired == Wired::Scoped { 400 } else { 413 };
        assert_eq!(answer.status, status, "{wired:?}");
    }
}

/// A body without a length that never ends, and counts how often it is asked.
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

// security.md F21: credentials in headers are judged before the body is read.
#[tokio::test]
async fn endless_body_is_read_up_to_the_limit_and_not_at_all_for_bad_credentials_in_headers() {
    let fixture = Fixture::new().await;
    for wired in Wired::ALL {
        let large = if wired == Wired::Scoped { 400 } else { 413 };
        let (bad, unread) = match Wired::HEADERS.contains(&wired) {
            true => (401, 0),
            false => (large, 17),
        };
        for (key, status, most) in [(fixture.api_key(), large, 17), ("cs_bad", bad, unread)] {
            let asked = Arc::default();
            let body = Endless(Arc::clone(&asked)).boxed_unsync();
            let request = wired.builder(&[("x-api-key", key)]).body(body).unwrap();
            let answer = fixture.send(wired, request).await;
            assert_eq!(answer.status, status, "{wired:?}");
            let asked = asked.load(Ordering::SeqCst);
            assert!(asked <= most, "{asked} frames were read");
        }
    }
}

// Chunked, without a length.
#[tokio::test]
async fn body_that_comes_in_pieces_is_one_body() {
    let fixture = Fixture::new().await;
    for wired in Wired::ALL {
        let (head, body) = fixture.good(wired).into_parts();
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
        let (answer, ()) = tokio::join!(fixture.send(wired, request), send);
        assert_eq!(answer.status, 200, "{wired:?}");
    }
}

// security.md row 80: the body may take its time. What is revoked meanwhile mints nothing.
#[tokio::test]
async fn key_revoked_while_the_body_arrives_mints_nothing() {
    for wired in Wired::HEADERS {
        for header in ["x-api-key", "authorization"] {
            let fixture = Fixture::new().await;
            let value = match header {
                "authorization" if wired == Wired::Scoped => continue,
                "authorization" => basic(&fixture.id(), fixture.secret()),
                _ => fixture.api_key().to_owned(),
            };
            let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
            let request = wired.builder(&[(header, &value)]);
            let request = request.body(body.boxed_unsync()).unwrap();
            let mut response = tokio_test::task::spawn(fixture.endpoint(wired).oneshot(request));
            assert!(
                response.poll().is_pending(),
                "the key was good, and the body is awaited"
            );
            fixture.revoke().await;
            sender.send_data(wired.body().into()).await.unwrap();
            drop(sender);
            let answer = response.await.unwrap();
            assert_eq!(answer.status(), 401, "{wired:?} {header}");
        }
    }
}
