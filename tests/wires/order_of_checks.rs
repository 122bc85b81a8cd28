//! The order in which a token endpoint checks a request.

use countersign::mint::Mint;
use countersign::random::SystemRandom;
use countersign_wire::{Envelope, TokenEndpoint};
use tower::ServiceExt as _;

use crate::expected_responses::error;
use crate::fixture::{Fixture, GRANT, Presented, WireKind, send_to};

#[tokio::test]
async fn method_is_checked_before_chaining_and_chaining_before_several_credentials() {
    let fixture = Fixture::new().await;
    for wire in WireKind::HEADERS {
        let headers = [
            ("authorization", "Bearer x"),
            ("x-api-key", "a"),
            ("x-api-key", "b"),
        ];
        let mut request = wire.post(&headers, "malformed body");
        assert_eq!(fixture.post(wire, &headers, "?").await.status, 403);
        *request.method_mut() = http::Method::PUT;
        assert_eq!(fixture.send(wire, request).await.status, 405);
    }
}

#[tokio::test]
async fn several_credentials_are_rejected_before_a_look_up() {
    let fixture = Fixture::new().await;
    for wire in WireKind::HEADERS {
        let before = fixture.look_ups();
        let twice = [("x-api-key", fixture.api_key()); 2];
        assert_eq!(fixture.post(wire, &twice, "?").await.status, 400);
        assert_eq!(fixture.look_ups(), before);
    }
}

#[tokio::test]
async fn invalid_header_credentials_are_rejected_before_the_body_and_invalid_body_credentials_after_it()
 {
    let fixture = Fixture::new().await;
    for wire in WireKind::HEADERS {
        let bad = [("x-api-key", "cs_bad")];
        for body in ["?".to_owned(), " ".repeat(17 * 1024)] {
            assert_eq!(fixture.post(wire, &bad, body).await.status, 401, "{wire:?}");
        }
    }
    let before = fixture.look_ups();
    for (wire, body) in [
        (
            WireKind::KeySecret,
            r#"{"keyId":"a","secret":"b","keyId":"c"}"#,
        ),
        (WireKind::Session, r#"{"api_key":"a","session_id":""}"#),
    ] {
        assert_eq!(fixture.post(wire, &[], body).await.status, 400);
    }
    let form = "grant_type=password&client_id=a&client_secret=b";
    let response = fixture.post(WireKind::OAuth, &[], form).await;
    let unsupported = error(
        "unsupported_grant_type",
        "grant_type must be client_credentials",
    );
    assert_eq!(response.status_and_body(), (400, &*unsupported));
    assert_eq!(fixture.look_ups(), before, "credentials were authenticated");
}

#[tokio::test]
async fn invalid_credentials_are_rejected_before_scope_and_lifetime() {
    let fixture = Fixture::new().await;
    let bad = [("x-api-key", "cs_bad")];
    for (wire, body) in [
        (WireKind::Envelope, r#"{"expireAfter":0}"#.to_owned()),
        (WireKind::Scoped, r#"{"scope":["calls:write"]}"#.to_owned()),
        (WireKind::OAuth, format!("{GRANT}&scope=calls:write")),
    ] {
        assert_eq!(fixture.post(wire, &bad, body).await.status, 401, "{wire:?}");
    }
}

// Only the wire `envelope` can have both errors: an invalid lifetime, and a credential without a supported scope.
#[tokio::test]
async fn invalid_lifetime_is_rejected_before_an_unsupported_scope() {
    let fixture = Fixture::new().await;
    let settings = WireKind::Envelope
        .issuance_settings()
        .catalogue("other:read".parse().unwrap());
    let mint = Mint::new(fixture.issuer.clone(), fixture.clock.clone(), SystemRandom);
    let mint = mint.with_settings(settings).unwrap();
    let authenticator = fixture.authenticator.clone();
    let endpoint = TokenEndpoint::new(Envelope::default(), authenticator, mint).boxed_clone();
    let key = [("x-api-key", fixture.api_key())];
    for (body, field, code) in [
        (r#"{"expireAfter":0}"#, "expireAfter", "OUT_OF_RANGE"),
        (r#"{"expireAfter":1}"#, "credentials", "UNSUPPORTED_VALUE"),
    ] {
        let response = send_to(&endpoint, WireKind::Envelope.post(&key, body)).await;
        let first = &response.json()["errors"][0];
        assert_eq!(response.status, 400);
        assert_eq!(
            (&first["field"], &first["code"]),
            (&field.into(), &code.into())
        );
    }
}

#[tokio::test]
async fn basic_credentials_are_ignored_on_a_wire_for_api_keys_only() {
    let fixture = Fixture::new().await;
    let pair = crate::fixture::basic(&fixture.id(), fixture.secret());
    let before = fixture.look_ups();
    let headers = [("authorization", &*pair)];
    let response = fixture
        .post(WireKind::Scoped, &headers, WireKind::Scoped.body())
        .await;
    assert_eq!(response.status, 401);
    assert_eq!(fixture.look_ups(), before);
    // The wire `oauth` does not accept users with passwords, in Basic or in the form.
    let user = crate::fixture::basic(crate::fixture::USER, crate::fixture::PASSWORD);
    let headers = [("authorization", &*user)];
    let response = fixture.post(WireKind::OAuth, &headers, GRANT).await;
    assert_eq!(response.status, 401);
    let user = Presented::Pair(crate::fixture::USER, crate::fixture::PASSWORD);
    assert_eq!(
        fixture
            .send_credentials(WireKind::OAuth, user)
            .await
            .unwrap()
            .status,
        401
    );
    assert_eq!(fixture.hasher.passwords_checked(), 0);
}
