//! Every body that is not what the wire wants gets that wire's own clear error.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;
use http_body::Frame;
use http_body_util::Full;
use hyper::body::Bytes;
use tower::ServiceExt as _;

use crate::fixture::{FORM, Fixture, GRANT, basic};

async fn refused(fixture: &Fixture, content_type: Option<&str>, body: &[u8]) -> (u16, String) {
    let mut request = Request::post("/oauth/token").header("x-api-key", fixture.api_key());
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let body = Full::new(Bytes::copy_from_slice(body));
    let answer = fixture.send(request.body(body).unwrap()).await;
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(json["error"], "invalid_request");
    (
        answer.status.as_u16(),
        json["error_description"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn form_rejected_when_it_is_not_one_or_not_readable() {
    let fixture = Fixture::new().await;
    let not_form = "the body must be application/x-www-form-urlencoded";
    let unreadable = "the form is not valid";
    let many = vec!["a"; 65]
        .iter()
        .enumerate()
        .map(|(i, _)| format!("p{i}=1"))
        .collect::<Vec<_>>();
    let many = many.join("&");
    let cases: [(Option<&str>, &[u8], &str); 10] = [
        (None, GRANT.as_bytes(), not_form),
        (
            Some("application/json"),
            br#"{"grant_type":"client_credentials"}"#,
            not_form,
        ),
        (Some("text/plain"), GRANT.as_bytes(), not_form),
        (Some(FORM), b"\xff\xfe", unreadable),
        (Some(FORM), b"grant_type=%ff", unreadable),
        (Some(FORM), b"grant_type=%zz", unreadable),
        (Some(FORM), b"grant_type=%2", unreadable),
        (
            Some(FORM),
            b"grant_type=client_credentials&grant_type=x",
            "a parameter is repeated",
        ),
        (
            Some(FORM),
            b"grant_type=client_credentials&x=1&%78=2",
            "a parameter is repeated",
        ),
        (Some(FORM), many.as_bytes(), "there are too many parameters"),
    ];
    for (content_type, body, description) in cases {
        let (status, said) = refused(&fixture, content_type, body).await;
        assert_eq!(
            (status, said.as_str()),
            (400, description),
            "{content_type:?} {body:?}"
        );
    }
}

#[tokio::test]
async fn unknown_parameters_and_those_without_a_value_are_ignored() {
    let fixture = Fixture::new().await;
    let key = [("x-api-key", fixture.api_key())];
    for form in [
        "&audience=x&unknown=1",
        "&scope=&resource=",
        "&&",
        "&client_id=anything",
    ] {
        let answer = fixture.post(&key, format!("{GRANT}{form}")).await;
        assert_eq!(answer.status, 200, "{form}");
    }
    let charset = Request::post("/oauth/token")
        .header("x-api-key", fixture.api_key())
        .header(
            "content-type",
            "Application/X-WWW-Form-URLencoded; charset=UTF-8",
        )
        .body(Full::from(GRANT))
        .unwrap();
    assert_eq!(fixture.send(charset).await.status, 200);
}

#[tokio::test]
async fn body_over_16_kib_is_413() {
    let fixture = Fixture::new().await;
    let fill = |size: usize| format!("{GRANT}&x={}", "y".repeat(size - GRANT.len() - 3));
    let key = [("x-api-key", fixture.api_key())];
    assert_eq!(fixture.post(&key, fill(16 * 1024)).await.status, 200);
    let (status, _) = refused(&fixture, Some(FORM), fill(16 * 1024 + 1).as_bytes()).await;
    assert_eq!(status, 413);
}

/// A body without a length that never ends, and counts how often it is asked.
struct Endless(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'a'; 1024])))))
    }
}

// security.md F21: credentials in headers are judged before the body is read.
#[tokio::test]
async fn endless_body_is_read_up_to_the_limit_and_not_at_all_for_bad_credentials() {
    let fixture = Fixture::new().await;
    for (key, status, most) in [(fixture.api_key(), 413, 17), ("cs_bad", 401, 0)] {
        let asked = std::sync::Arc::default();
        let request = Request::post("/oauth/token")
            .header("x-api-key", key)
            .header("content-type", FORM)
            .body(Endless(std::sync::Arc::clone(&asked)))
            .unwrap();
        let response = fixture.endpoint().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        let asked = asked.load(std::sync::atomic::Ordering::SeqCst);
        assert!(asked <= most, "{asked} frames were read");
    }
}

// security.md row 80: the body may take its time. What is revoked meanwhile mints nothing.
#[tokio::test]
async fn key_revoked_while_the_body_arrives_mints_nothing() {
    for header in ["x-api-key", "authorization"] {
        let fixture = Fixture::new().await;
        let value = match header {
            "authorization" => basic(&fixture.id(), fixture.secret()),
            _ => fixture.api_key().to_owned(),
        };
        let (mut sender, body) = http_body_util::channel::Channel::<Bytes, Infallible>::new(1);
        let request = Request::post("/oauth/token")
            .header(header, value)
            .header("content-type", FORM)
            .body(body)
            .unwrap();
        let mut response = tokio_test::task::spawn(fixture.endpoint().oneshot(request));
        assert!(
            response.poll().is_pending(),
            "the key was good, and the body is awaited"
        );
        fixture.revoke().await;
        sender.send_data(GRANT.into()).await.unwrap();
        drop(sender);
        let answer = response.await.unwrap();
        assert_eq!(answer.status(), 401, "{header}");
    }
}
