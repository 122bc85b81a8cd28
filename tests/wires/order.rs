//! wires.md, "order of judging".

use countersign::mint::{IssuanceSettings, Mint};
use countersign::random::SystemRandom;
use countersign_wire::{Envelope, TokenEndpoint};
use tower::ServiceExt as _;

use crate::fixture::{Fixture, GRANT, Presented, Wired, sent};
use crate::words::error;

#[tokio::test]
async fn method_comes_before_chaining_and_chaining_before_ambiguity() {
    let fixture = Fixture::new().await;
    for wired in Wired::HEADERS {
        let headers = [
            ("authorization", "Bearer x"),
            ("x-api-key", "a"),
            ("x-api-key", "b"),
        ];
        let mut request = wired.post(&headers, "no good body");
        assert_eq!(fixture.post(wired, &headers, "?").await.status, 403);
        *request.method_mut() = http::Method::PUT;
        assert_eq!(fixture.send(wired, request).await.status, 405);
    }
}

#[tokio::test]
async fn ambiguity_comes_before_credentials_are_looked_up() {
    let fixture = Fixture::new().await;
    for wired in Wired::HEADERS {
        let before = fixture.look_ups();
        let twice = [("x-api-key", fixture.api_key()); 2];
        assert_eq!(fixture.post(wired, &twice, "?").await.status, 400);
        assert_eq!(fixture.look_ups(), before);
    }
}

#[tokio::test]
async fn bad_credentials_come_before_a_bad_body_in_headers_and_after_it_in_bodies() {
    let fixture = Fixture::new().await;
    for wired in Wired::HEADERS {
        let bad = [("x-api-key", "cs_bad")];
        for body in ["?".to_owned(), " ".repeat(17 * 1024)] {
            assert_eq!(
                fixture.post(wired, &bad, body).await.status,
                401,
                "{wired:?}"
            );
        }
    }
    let before = fixture.look_ups();
    for (wired, body) in [
        (
            Wired::KeySecret,
            r#"{"keyId":"a","secret":"b","keyId":"c"}"#,
        ),
        (Wired::Session, r#"{"api_key":"a","session_id":""}"#),
    ] {
        assert_eq!(fixture.post(wired, &[], body).await.status, 400);
    }
    let form = "grant_type=password&client_id=a&client_secret=b";
    let answer = fixture.post(Wired::OAuth, &[], form).await;
    let unsupported = error(
        "unsupported_grant_type",
        "grant_type must be client_credentials",
    );
    assert_eq!(answer.said(), (400, &*unsupported));
    assert_eq!(fixture.look_ups(), before, "nothing was judged");
}

#[tokio::test]
async fn bad_credentials_come_before_a_bad_scope_or_lifetime() {
    let fixture = Fixture::new().await;
    let bad = [("x-api-key", "cs_bad")];
    for (wired, body) in [
        (Wired::Envelope, r#"{"expireAfter":0}"#.to_owned()),
        (Wired::Scoped, r#"{"scope":["calls:write"]}"#.to_owned()),
        (Wired::OAuth, format!("{GRANT}&scope=calls:write")),
    ] {
        assert_eq!(
            fixture.post(wired, &bad, body).await.status,
            401,
            "{wired:?}"
        );
    }
}

// Only on `envelope` can both be wrong: the lifetime asked for, and the scopes that the credential holds.
#[tokio::test]
async fn bad_lifetime_comes_before_a_bad_scope() {
    let fixture = Fixture::new().await;
    let terms = IssuanceSettings {
        catalogue: "other:read".parse().unwrap(),
        ..Wired::Envelope.terms()
    };
    let mint = Mint::new(fixture.issuer.clone(), fixture.clock.clone(), SystemRandom);
    let mint = mint.with_terms(terms).unwrap();
    let judge = fixture.authenticator.clone();
    let endpoint = TokenEndpoint::new(Envelope::default(), judge, mint).boxed_clone();
    let key = [("x-api-key", fixture.api_key())];
    for (body, field, code) in [
        (r#"{"expireAfter":0}"#, "expireAfter", "OUT_OF_RANGE"),
        (r#"{"expireAfter":1}"#, "credentials", "UNSUPPORTED_VALUE"),
    ] {
        let answer = sent(&endpoint, Wired::Envelope.post(&key, body)).await;
        let first = &answer.json()["errors"][0];
        assert_eq!(answer.status, 400);
        assert_eq!(
            (&first["field"], &first["code"]),
            (&field.into(), &code.into())
        );
    }
}

#[tokio::test]
async fn basic_is_nothing_where_only_api_keys_are_good() {
    let fixture = Fixture::new().await;
    let pair = crate::fixture::basic(&fixture.id(), fixture.secret());
    let before = fixture.look_ups();
    let headers = [("authorization", &*pair)];
    let answer = fixture
        .post(Wired::Scoped, &headers, Wired::Scoped.body())
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(fixture.look_ups(), before);
    // And passwords are none for clients of `oauth`, nor is a form's user.
    let user = crate::fixture::basic(crate::fixture::USER, crate::fixture::PASSWORD);
    let headers = [("authorization", &*user)];
    let answer = fixture.post(Wired::OAuth, &headers, GRANT).await;
    assert_eq!(answer.status, 401);
    let user = Presented::Pair(crate::fixture::USER, crate::fixture::PASSWORD);
    assert_eq!(fixture.ask(Wired::OAuth, user).await.unwrap().status, 401);
    assert_eq!(fixture.hasher.passwords_checked(), 0);
}
