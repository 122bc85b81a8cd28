//! Every body that is not what the wire wants gets that wire's own clear error.

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

use crate::fixture::{Answer, FORM, Fixture, GRANT, Wired, basic};

/// The wires whose body is JSON.
const JSON: [Wired; 4] = [
    Wired::Envelope,
    Wired::Scoped,
    Wired::KeyPair,
    Wired::Session,
];

/// What an answer says is wrong with the body.
fn complaint(wired: Wired, answer: &Answer) -> String {
    let body = answer.json();
    let text = match wired {
        Wired::Envelope => {
            assert_eq!(body["type"], "INVALID_REQUEST");
            &body["errors"][0]["message"]
        }
        Wired::Scoped => &body["errors"][0]["message"],
        Wired::KeyPair => {
            assert_eq!(body["error"]["code"], "BAD_REQUEST");
            &body["error"]["message"]
        }
        Wired::Session | Wired::OAuth => {
            assert_eq!(body["error"], "invalid_request");
            &body["error_description"]
        }
    };
    text.as_str().unwrap().to_owned()
}

async fn refused(fixture: &Fixture, wired: Wired, body: &[u8]) -> (u16, String) {
    let answer = fixture.with_key(wired, Bytes::copy_from_slice(body)).await;
    (answer.status.as_u16(), complaint(wired, &answer))
}

// wires.md: "Duplicate members, wrong types, trailing garbage, invalid UTF-8: a clear error".
#[tokio::test]
async fn json_that_is_not_one_readable_object_is_400_and_says_why() {
    let fixture = Fixture::new().await;
    let not_json = "the body is not JSON";
    let not_object = "the body must be a JSON object";
    let twice = "the body has a member twice, or one whose name is not Unicode";
    let not_unicode = "the body has a text that is not Unicode";
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(99), "]".repeat(99));
    let cases: [(&[u8], &str); 24] = [
        (b" ", not_json),
        (b"?", not_json),
        (b"{", not_json),
        (b"{'a':1}", not_json),
        (br#"{"a":1,}"#, not_json),
        (br#"{"a":01}"#, not_json),
        (br#"{"a":NaN}"#, not_json),
        (b"{} {}", not_json),
        (b"{}x", not_json),
        (b"{}\0", not_json),
        (b"\xef\xbb\xbf{}", not_json),
        (b"grant_type=client_credentials", not_json),
        (b"[]", not_object),
        (b"7", not_object),
        (b"\"{}\"", not_object),
        (b"true", not_object),
        (b"\xff\xfe", "the body is not UTF-8"),
        (b"{\"a\":\"\xff\"}", "the body is not UTF-8"),
        (br#"{"a":1,"a":1}"#, twice),
        (br#"{"a":1,"\u0061":2}"#, twice),
        (br#"{"x":[{"a":1,"a":2}]}"#, twice),
        (br#"{"a":"\ud800"}"#, not_unicode),
        (br#"{"a":"\udc00\ud800"}"#, not_unicode),
        (deep.as_bytes(), "the body is nested too deeply"),
    ];
    for wired in JSON {
        for (body, message) in cases {
            let got = refused(&fixture, wired, body).await;
            assert_eq!(
                got,
                (400, message.to_owned()),
                "{wired:?} {}",
                body.escape_ascii()
            );
        }
    }
    // Members that decide come twice, in two spellings.
    let key = fixture.api_key();
    for (wired, body) in [
        (
            Wired::Envelope,
            r#"{"expireAfter":60,"expireAfter":60}"#.to_owned(),
        ),
        (
            Wired::Scoped,
            r#"{"scope":["calls:read"],"sc\u006fpe":[]}"#.to_owned(),
        ),
        (
            Wired::KeyPair,
            r#"{"keyId":"a","secret":"b","s\u0065cret":"b"}"#.to_owned(),
        ),
        (
            Wired::Session,
            format!(r#"{{"api_key":"{key}","api\u005fkey":"{key}"}}"#),
        ),
    ] {
        let got = refused(&fixture, wired, body.as_bytes()).await;
        assert_eq!(got, (400, twice.to_owned()), "{wired:?}");
    }
}

#[tokio::test]
async fn empty_body_and_null_are_refused_where_members_are_needed() {
    let fixture = Fixture::new().await;
    for wired in [Wired::Scoped, Wired::KeyPair, Wired::Session] {
        let (status, said) = refused(&fixture, wired, b"").await;
        assert_eq!((status, &*said), (400, "the body is not JSON"));
        let (status, said) = refused(&fixture, wired, b"null").await;
        assert_eq!((status, &*said), (400, "the body must be a JSON object"));
    }
    for (wired, body, message) in [
        (Wired::Scoped, r#"{"scope":null}"#, "scope is missing"),
        (
            Wired::Scoped,
            r#"{"scope":[null]}"#,
            "a scope must be a string",
        ),
        (
            Wired::KeyPair,
            r#"{"keyId":null,"secret":null}"#,
            "keyId and secret are missing",
        ),
        (
            Wired::Session,
            r#"{"api_key":null}"#,
            "the body has no credentials",
        ),
    ] {
        let got = refused(&fixture, wired, body.as_bytes()).await;
        assert_eq!(got, (400, message.to_owned()));
    }
}

#[tokio::test]
async fn number_of_four_hundred_digits_is_of_the_wrong_type_or_out_of_range() {
    let fixture = Fixture::new().await;
    let number = format!("1{}", "0".repeat(400));
    for (wired, body, message) in [
        (
            Wired::Envelope,
            format!(r#"{{"expireAfter":{number}}}"#),
            "expireAfter must be between 1 and the longest lifetime",
        ),
        (
            Wired::Scoped,
            format!(r#"{{"scope":[{number}]}}"#),
            "a scope must be a string",
        ),
        (
            Wired::KeyPair,
            format!(r#"{{"keyId":{number},"secret":"a"}}"#),
            "keyId must be a string",
        ),
        (
            Wired::Session,
            format!(r#"{{"api_key":"a","session_id":{number}}}"#),
            "session_id must be a string",
        ),
    ] {
        let got = refused(&fixture, wired, body.as_bytes()).await;
        assert_eq!(got, (400, message.to_owned()));
    }
    // Where nobody asks what it is, it may be any number.
    let body = format!(r#"{{"unknown":{number},"scope":["calls:read"]}}"#);
    for wired in [Wired::Envelope, Wired::Scoped] {
        assert_eq!(fixture.with_key(wired, body.clone()).await.status, 200);
    }
}

// wires.md: "400 in the wire's shape whatever its content type says; 415 is not used".
#[tokio::test]
async fn json_is_read_whatever_its_content_type_says() {
    let fixture = Fixture::new().await;
    for wired in JSON {
        for content_type in ["text/plain", FORM, "", "application/json; charset=latin1"] {
            let mut request = match wired {
                Wired::Envelope => {
                    wired.post(&[("x-api-key", fixture.api_key())], r#"{"expireAfter":9}"#)
                }
                wired => fixture.good(wired),
            };
            let headers = request.headers_mut();
            headers.insert("content-type", content_type.parse().unwrap());
            let answer = fixture.send(wired, request).await;
            assert_eq!(answer.status, 200, "{wired:?} {content_type}");
        }
    }
}

#[tokio::test]
async fn secrets_of_a_refused_body_are_not_in_the_answer() {
    let fixture = Fixture::new().await;
    for (wired, body) in [
        (Wired::Scoped, r#"{"scope":{"api_key":"canary"}}"#),
        (Wired::Scoped, r#"{"scope":[{"password":["canary"]}]}"#),
        (Wired::KeyPair, r#"{"secret":"canary"}"#),
        (Wired::KeyPair, r#"{"keyId":"canary","secret":["canary"]}"#),
        (Wired::Session, r#"{"password":"canary"}"#),
        (
            Wired::Session,
            r#"{"client_id":"canary","client_secret":7}"#,
        ),
        (Wired::Session, r#"{"api_key":"canary","api_key":"canary"}"#),
        (
            Wired::Session,
            r#"{"api_key":"canary","session_id":"canary "}"#,
        ),
    ] {
        let answer = fixture.with_key(wired, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(!answer.body.contains("canary"), "{}", answer.body);
    }
}

#[tokio::test]
async fn form_rejected_when_it_is_not_one_or_not_readable() {
    let fixture = Fixture::new().await;
    let not_form = "the body must be application/x-www-form-urlencoded";
    let unreadable = "the form is not valid";
    let repeated = "a parameter is repeated";
    for content_type in ["", "application/json", "text/plain"] {
        let headers = [
            ("x-api-key", fixture.api_key()),
            ("content-type", content_type),
        ];
        for body in [GRANT, r#"{"grant_type":"client_credentials"}"#] {
            let answer = fixture.post(Wired::OAuth, &headers, body).await;
            assert_eq!(answer.status, 400);
            assert_eq!(complaint(Wired::OAuth, &answer), not_form, "{content_type}");
        }
    }
    let many: Vec<_> = (0..65).map(|i| format!("p{i}=1")).collect();
    let many = many.join("&");
    let cases: [(&[u8], &str); 7] = [
        (b"\xff\xfe", unreadable),
        (b"grant_type=%ff", unreadable),
        (b"grant_type=%zz", unreadable),
        (b"grant_type=%2", unreadable),
        (b"grant_type=client_credentials&grant_type=x", repeated),
        (b"grant_type=client_credentials&x=1&%78=2", repeated),
        (many.as_bytes(), "there are too many parameters"),
    ];
    for (body, message) in cases {
        let got = refused(&fixture, Wired::OAuth, body).await;
        assert_eq!(got, (400, message.to_owned()), "{}", body.escape_ascii());
    }
}

#[tokio::test]
async fn unknown_parameters_and_those_without_a_value_are_ignored() {
    let fixture = Fixture::new().await;
    for form in [
        "&audience=x&unknown=1",
        "&scope=&resource=",
        "&&",
        "&client_id=anything",
    ] {
        let answer = fixture
            .with_key(Wired::OAuth, format!("{GRANT}{form}"))
            .await;
        assert_eq!(answer.status, 200, "{form}");
    }
    let charset = "Application/X-WWW-Form-URLencoded; charset=UTF-8";
    let headers = [("x-api-key", fixture.api_key()), ("content-type", charset)];
    let answer = fixture.post(Wired::OAuth, &headers, GRANT).await;
    assert_eq!(answer.status, 200);
}

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
