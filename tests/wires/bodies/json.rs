//! JSON bodies.

use super::rejection;
use crate::fixture::{FORM, Fixture, WireKind};

/// The wires whose body is JSON.
const JSON: [WireKind; 4] = [
    WireKind::Envelope,
    WireKind::Scoped,
    WireKind::KeySecret,
    WireKind::Session,
];

#[tokio::test]
async fn json_that_is_not_one_valid_object_is_400_with_the_reason() {
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
    for wire in JSON {
        for (body, message) in cases {
            let got = rejection(&fixture, wire, body).await;
            assert_eq!(
                got,
                (400, message.to_owned()),
                "{wire:?} {}",
                body.escape_ascii()
            );
        }
    }
    // A known member is repeated, literally or with an escape in its name.
    let key = fixture.api_key();
    for (wire, body) in [
        (
            WireKind::Envelope,
            r#"{"expireAfter":60,"expireAfter":60}"#.to_owned(),
        ),
        (
            WireKind::Scoped,
            r#"{"scope":["calls:read"],"sc\u006fpe":[]}"#.to_owned(),
        ),
        (
            WireKind::KeySecret,
            r#"{"keyId":"a","secret":"b","s\u0065cret":"b"}"#.to_owned(),
        ),
        (
            WireKind::Session,
            format!(r#"{{"api_key":"{key}","api\u005fkey":"{key}"}}"#),
        ),
    ] {
        let got = rejection(&fixture, wire, body.as_bytes()).await;
        assert_eq!(got, (400, twice.to_owned()), "{wire:?}");
    }
}

#[tokio::test]
async fn empty_body_and_null_are_rejected_where_members_are_required() {
    let fixture = Fixture::new().await;
    for wire in [WireKind::Scoped, WireKind::KeySecret, WireKind::Session] {
        let (status, message) = rejection(&fixture, wire, b"").await;
        assert_eq!((status, &*message), (400, "the body is not JSON"));
        let (status, message) = rejection(&fixture, wire, b"null").await;
        assert_eq!((status, &*message), (400, "the body must be a JSON object"));
    }
    for (wire, body, message) in [
        (WireKind::Scoped, r#"{"scope":null}"#, "scope is missing"),
        (
            WireKind::Scoped,
            r#"{"scope":[null]}"#,
            "a scope must be a string",
        ),
        (
            WireKind::KeySecret,
            r#"{"keyId":null,"secret":null}"#,
            "keyId and secret are missing",
        ),
        (
            WireKind::Session,
            r#"{"api_key":null}"#,
            "the body has no credentials: send api_key, or username and password, or client_id and client_secret",
        ),
    ] {
        let got = rejection(&fixture, wire, body.as_bytes()).await;
        assert_eq!(got, (400, message.to_owned()));
    }
}

#[tokio::test]
async fn number_of_four_hundred_digits_has_the_wrong_type_or_is_out_of_range() {
    let fixture = Fixture::new().await;
    let number = format!("1{}", "0".repeat(400));
    for (wire, body, message) in [
        (
            WireKind::Envelope,
            format!(r#"{{"expireAfter":{number}}}"#),
            "expireAfter must be from 1 to the maximum lifetime in seconds: omit it for the default",
        ),
        (
            WireKind::Scoped,
            format!(r#"{{"scope":[{number}]}}"#),
            "a scope must be a string",
        ),
        (
            WireKind::KeySecret,
            format!(r#"{{"keyId":{number},"secret":"a"}}"#),
            "keyId must be a string",
        ),
        (
            WireKind::Session,
            format!(r#"{{"api_key":"a","session_id":{number}}}"#),
            "session_id must be a string",
        ),
    ] {
        let got = rejection(&fixture, wire, body.as_bytes()).await;
        assert_eq!(got, (400, message.to_owned()));
    }
    // An unknown member may have any value.
    let body = format!(r#"{{"unknown":{number},"scope":["calls:read"]}}"#);
    for wire in [WireKind::Envelope, WireKind::Scoped] {
        assert_eq!(fixture.post_with_key(wire, body.clone()).await.status, 200);
    }
}

// The endpoints ignore the content type of JSON bodies; they never answer 415.
#[tokio::test]
async fn json_is_read_with_any_content_type() {
    let fixture = Fixture::new().await;
    for wire in JSON {
        for content_type in ["text/plain", FORM, "", "application/json; charset=latin1"] {
            let mut request = match wire {
                WireKind::Envelope => {
                    wire.post(&[("x-api-key", fixture.api_key())], r#"{"expireAfter":9}"#)
                }
                wire => fixture.valid_request(wire),
            };
            let headers = request.headers_mut();
            headers.insert("content-type", content_type.parse().unwrap());
            let response = fixture.send(wire, request).await;
            assert_eq!(response.status, 200, "{wire:?} {content_type}");
        }
    }
}

#[tokio::test]
async fn secrets_of_a_rejected_body_are_not_in_the_response() {
    let fixture = Fixture::new().await;
    for (wire, body) in [
        (WireKind::Scoped, r#"{"scope":{"api_key":"canary"}}"#),
        (WireKind::Scoped, r#"{"scope":[{"password":["canary"]}]}"#),
        (WireKind::KeySecret, r#"{"secret":"canary"}"#),
        (
            WireKind::KeySecret,
            r#"{"keyId":"canary","secret":["canary"]}"#,
        ),
        (WireKind::Session, r#"{"password":"canary"}"#),
        (
            WireKind::Session,
            r#"{"client_id":"canary","client_secret":7}"#,
        ),
        (
            WireKind::Session,
            r#"{"api_key":"canary","api_key":"canary"}"#,
        ),
        (
            WireKind::Session,
            r#"{"api_key":"canary","session_id":"canary "}"#,
        ),
    ] {
        let response = fixture.post_with_key(wire, body).await;
        assert_eq!(response.status, 400, "{body}");
        assert!(!response.body.contains("canary"), "{}", response.body);
    }
}
