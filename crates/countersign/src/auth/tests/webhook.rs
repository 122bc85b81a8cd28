//! Tests of the layer for webhooks: what it reads, when it rejects, and what the inner service receives.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::mpsc;
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready};
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_test::mock;

use super::authenticator::TestClock;
use crate::auth::{BuildError, WebhookLayer};
use crate::mechanism::webhook::{VerifiedWebhook, WebhookVerifier};
use crate::principal::Principal;
use crate::rejection::{ProblemDetails, Reason, Rejection};
use crate::secret::Secret;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
const BODY: &[u8] = b"{\"a\": 1,\r\n\"b\":\t\"\xc3\xa9\xff\" }\n";

fn verifier() -> WebhookVerifier {
    let secret = Secret::from("whsec_5f3a9c1e7b2d4086a1c3e5f7".to_owned());
    WebhookVerifier::stripe([secret]).unwrap()
}

fn layer() -> WebhookLayer {
    WebhookLayer::new(verifier()).clock(TestClock::default())
}

/// A request whose headers sign `signed`.
fn request<B>(signed: &[u8], body: B) -> Request<B> {
    let mut request = Request::post("/webhooks").body(body).unwrap();
    request
        .headers_mut()
        .insert("x-other", "kept".parse().unwrap());
    let headers = verifier().sign_for_test("", signed, NOW);
    request.headers_mut().extend(headers);
    request
}

/// A body of frames that a test sends.
struct Frames(mpsc::UnboundedReceiver<Result<Frame<Bytes>, &'static str>>);

type FrameSender = mpsc::UnboundedSender<Result<Frame<Bytes>, &'static str>>;

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.0.poll_recv(cx)
    }
}

fn frames() -> (FrameSender, Frames) {
    let (sender, frames) = mpsc::unbounded_channel();
    (sender, Frames(frames))
}

fn data(bytes: &[u8]) -> Result<Frame<Bytes>, &'static str> {
    Ok(Frame::data(Bytes::copy_from_slice(bytes)))
}

/// Sends a request through the layer to a service that returns its body.
async fn send<B: Body>(layer: &WebhookLayer, request: Request<B>) -> Response<Vec<u8>> {
    let echo = service_fn(|request: Request<Full<Bytes>>| async move {
        let (head, body) = request.into_parts();
        assert_eq!(head.headers["x-other"], "kept");
        assert!(head.headers.contains_key("stripe-signature"));
        let webhook = head.extensions.get::<VerifiedWebhook>().unwrap();
        assert_eq!(
            (webhook.provider(), webhook.timestamp()),
            ("stripe", Some(NOW))
        );
        assert!(head.extensions.get::<Principal>().is_none());
        let body = body.collect().await.unwrap().to_bytes();
        Ok::<_, Infallible>(Response::new(body.to_vec()))
    });
    layer.layer(echo).oneshot(request).await.unwrap()
}

fn reason<B>(response: &Response<B>) -> Reason {
    response.extensions().get::<Rejection>().unwrap().reason()
}

#[tokio::test]
async fn inner_service_receives_exactly_the_bytes_that_were_signed() {
    let whole = send(&layer(), request(BODY, Full::new(Bytes::from_static(BODY)))).await;
    assert_eq!((whole.status(), &**whole.body()), (StatusCode::OK, BODY));

    let (sender, body) = frames();
    for byte in BODY {
        sender.send(data(&[*byte])).unwrap();
        sender.send(data(&[])).unwrap();
    }
    sender.send(Ok(Frame::trailers(HeaderMap::new()))).unwrap();
    drop(sender);
    let split = send(&layer(), request(BODY, body)).await;
    assert_eq!((split.status(), &**split.body()), (StatusCode::OK, BODY));

    let empty = send(&layer(), request(b"", Full::<Bytes>::default())).await;
    assert_eq!(
        (empty.status(), &**empty.body()),
        (StatusCode::OK, &b""[..])
    );
}

#[tokio::test]
async fn rejection_has_the_challenge_the_configured_realm_and_the_configured_body() {
    let layer = layer().realm("acme").unwrap().reject_body(ProblemDetails);
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let changed = layer
        .layer(inner)
        .oneshot(request(BODY, Full::new(Bytes::from("x"))));
    let rejected = changed.await.unwrap();
    assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(reason(&rejected), Reason::WebhookSignature);
    assert_eq!(
        rejected.headers()[WWW_AUTHENTICATE],
        r#"Webhook realm="acme""#
    );
    assert_eq!(rejected.headers()[CACHE_CONTROL], "no-store");
    assert!(rejected.body().contains("The credentials are not valid."));

    let realm = WebhookLayer::new(verifier()).realm("a\"b").map(drop);
    assert_eq!(realm, Err(BuildError::Realm));
}

#[tokio::test]
async fn body_beyond_the_limit_is_413() {
    let limit = |bytes| layer().max_body(bytes);
    let full = || Full::new(Bytes::from_static(BODY));
    let accepted = send(&limit(BODY.len()), request(BODY, full())).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    let announced = send(&limit(BODY.len() - 1), request(BODY, full())).await;
    assert_eq!(announced.status(), StatusCode::PAYLOAD_TOO_LARGE);

    let (sender, body) = frames();
    sender.send(data(BODY)).unwrap();
    sender.send(data(b"x")).unwrap();
    // The body has not ended: what is beyond the limit is not waited for.
    let counted = send(&limit(BODY.len()), request(BODY, body)).await;
    assert_eq!(counted.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reason(&counted), Reason::BodyTooLarge);
    assert!(counted.headers().get(WWW_AUTHENTICATE).is_none());
}

#[tokio::test]
async fn body_that_ends_prematurely_is_400() {
    let (sender, body) = frames();
    sender.send(data(BODY)).unwrap();
    sender.send(Err("connection closed")).unwrap();
    let rejected = send(&layer(), request(BODY, body)).await;
    assert_eq!(rejected.status(), StatusCode::BAD_REQUEST);
    assert_eq!(reason(&rejected), Reason::BodyIncomplete);
}

#[tokio::test]
async fn body_is_not_read_without_a_signature_that_could_be_valid() {
    let unsigned = |name: &str, value: &str| {
        let (sender, body) = frames();
        let mut request = Request::new(body);
        if !name.is_empty() {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        (sender, request)
    };
    let old = format!("t=1000000000,v1={}", "0".repeat(64));
    for (name, value, status, expected) in [
        ("", "", 401, Reason::NoCredentials),
        (
            "x-hub-signature-256",
            "sha256=00",
            401,
            Reason::NoCredentials,
        ),
        ("authorization", "Bearer x", 401, Reason::NoCredentials),
        (
            "stripe-signature",
            "t=1,v1=00",
            401,
            Reason::WebhookMalformed,
        ),
        ("stripe-signature", &old, 401, Reason::WebhookTimestamp),
    ] {
        // Nothing is sent, so that a layer that reads the body waits forever.
        let (_sender, request) = unsigned(name, value);
        let rejected = send(&layer(), request).await;
        assert_eq!(rejected.status().as_u16(), status, "{name}: {value}");
        assert_eq!(reason(&rejected), expected, "{name}: {value}");
        let challenge = &rejected.headers()[WWW_AUTHENTICATE];
        assert_eq!(challenge, r#"Webhook realm="countersign""#);
    }
    let (_sender, body) = frames();
    let mut repeated = request(BODY, body);
    let value = repeated.headers()["stripe-signature"].clone();
    repeated.headers_mut().append("stripe-signature", value);
    let rejected = send(&layer(), repeated).await;
    assert_eq!(rejected.status(), StatusCode::BAD_REQUEST);
    assert_eq!(reason(&rejected), Reason::RepeatedHeader);
}

#[tokio::test]
async fn webhook_whose_body_arrives_after_the_tolerance_is_rejected() {
    let clock = TestClock::default();
    let layer = WebhookLayer::new(verifier()).clock(clock.clone());
    let (sender, body) = frames();
    let mut response = task::spawn(send(&layer, request(BODY, body)));
    assert_pending!(response.poll());
    clock.0.fetch_add(301_000, Ordering::SeqCst);
    sender.send(data(BODY)).unwrap();
    drop(sender);
    let rejected = assert_ready!(response.poll());
    assert_eq!(reason(&rejected), Reason::WebhookTimestamp);
}

type Inner = mock::Mock<Request<Full<Bytes>>, Response<String>>;
type Handle = mock::Handle<Request<Full<Bytes>>, Response<String>>;

/// A service that accepts one request at a time, and that no request has reserved.
fn limited() -> (ConcurrencyLimit<Inner>, Handle) {
    let (inner, mut handle) = mock::pair();
    handle.allow(100);
    (ConcurrencyLimit::new(inner, 1), handle)
}

fn poll_ready(service: &mut Spawn<ConcurrencyLimit<Inner>>) -> Poll<()> {
    let ready = service.enter(|cx, mut service| service.poll_ready(cx));
    ready.map(|result| result.unwrap())
}

#[test]
fn request_whose_body_is_read_holds_no_permit_of_the_inner_service() {
    let (inner, mut handle) = limited();
    let mut other = task::spawn(inner.clone());
    let mut service = layer().layer(inner);
    let (sender, body) = frames();
    let mut response = task::spawn(service.call(request(BODY, body)));
    assert_pending!(response.poll());
    // Another request takes the only permit.
    assert_ready!(poll_ready(&mut other));
    sender.send(data(BODY)).unwrap();
    drop(sender);
    assert!(response.is_woken());
    assert_pending!(response.poll());
    // The verified webhook waits until it is free again.
    assert_pending!(task::spawn(handle.next_request()).poll());
    drop(other);
    assert!(response.is_woken());
    assert_pending!(response.poll());
    let (seen, send) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    assert!(seen.extensions().get::<VerifiedWebhook>().is_some());
    send.send_response(Response::default());
    assert_eq!(
        assert_ready!(response.poll()).unwrap().status(),
        StatusCode::OK
    );
}

#[test]
fn error_of_the_inner_service_is_returned() {
    let inner =
        service_fn(|_: Request<Full<Bytes>>| async { Err::<Response<String>, _>("broken") });
    let request = request(BODY, Full::new(Bytes::from_static(BODY)));
    let mut response = task::spawn(layer().layer(inner).oneshot(request));
    assert_eq!(assert_ready!(response.poll()).unwrap_err(), "broken");
}

#[tokio::test]
async fn webhook_that_is_already_in_the_extensions_is_replaced() {
    let mut forged = request(BODY, Full::new(Bytes::from_static(BODY)));
    let other = verifier().tolerance(std::time::Duration::MAX);
    let headers = other.sign_for_test("", b"", Timestamp::from_unix_seconds(1));
    let older = other.verify(&headers, b"", NOW).unwrap();
    forged.extensions_mut().insert(older);
    // The service checks the timestamp of the webhook.
    assert_eq!(send(&layer(), forged).await.status(), StatusCode::OK);
}

// RFC 9110 §6.5.1: trailers are not merged into the headers.
#[tokio::test]
async fn signature_in_trailers_is_ignored() {
    let (sender, body) = frames();
    let mut request = request(BODY, body);
    let headers = std::mem::take(request.headers_mut());
    sender.send(data(BODY)).unwrap();
    sender.send(Ok(Frame::trailers(headers))).unwrap();
    drop(sender);
    let rejected = send(&layer(), request).await;
    assert_eq!(reason(&rejected), Reason::NoCredentials);
}
