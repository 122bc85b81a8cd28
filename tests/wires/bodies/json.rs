//! Bodies in JSON.

use super::refused;
use crate::fixture::{FORM, Fixture, Wired};

/// The wires whose body is JSON.
const JSON: [Wired; 4] = [
    Wired::Envelope,
    Wired::Scoped,
    Wired::KeySecret,
    Wired::Session,
];

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
            Wired::KeySecret,
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
    for wired in [Wired::Scoped, Wired::KeySecret, Wired::Session] {
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
            Wired::KeySecret,
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
            Wired::KeySecret,
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
        (Wired::KeySecret, r#"{"secret":"canary"}"#),
        (
            Wired::KeySecret,
            r#"{"keyId":"canary","secret":["canary"]}"#,
        ),
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
