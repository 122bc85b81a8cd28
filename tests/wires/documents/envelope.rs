//! Wire `envelope`: the examples and statements of the vendor's documentation, which the comments quote.

use countersign::random::SystemRandom;
use countersign::registry::{Change, Registry as _, Rotation};
use countersign_wire::RequestId;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::fixture::{Fixture, NOW, PASSWORD, Presented, USER, WireKind, basic, claims, operator};

fn envelope_of(data: &str) -> String {
    format!(
        r#"{{"status":"OK","type":"SUCCESS","message":"Token generated successfully.","data":{data},"transactionId":"<id>","processedAt":"2026-03-15T06:00:00-06:00","billable":false}}"#
    )
}

// "Token generated successfully."; "Unique identifier of this request"; "ISO 8601 datetime with Mexico City offset
// (-06:00)"; "Credits: Free".
#[tokio::test]
async fn envelope_has_a_token_for_an_api_key_and_for_basic_credentials() {
    let fixture = Fixture::new().await;
    let pair = basic(&fixture.id(), fixture.secret());
    let user = basic(USER, PASSWORD);
    let expected =
        envelope_of(r#"{"access_token":"<token>","token_type":"Bearer","expires_in":3600}"#);
    for header in [
        ("x-api-key", fixture.api_key()),
        ("authorization", &pair),
        ("authorization", &user),
    ] {
        let response = fixture.post(WireKind::Envelope, &[header], "{}").await;
        assert_eq!(response.status_and_body(), (200, &*expected));
        assert_eq!(
            response.header_lines(),
            [
                "cache-control: no-store",
                "content-type: application/json",
                "x-request-id: <id>",
            ]
        );
        let subject = match header.1 == user {
            true => fixture.user.id.to_string(),
            false => fixture.id(),
        };
        assert_eq!(claims(response.token())["sub"], subject);
    }
}

// "Body: entirely optional. Send {} to get a token with default lifetime."
#[tokio::test]
async fn envelope_body_is_optional() {
    let fixture = Fixture::new().await;
    for body in [
        "",
        "{}",
        " {} ",
        "null",
        r#"{"expireAfter":null}"#,
        r#"{"grant_type":"client_credentials"}"#,
        r#"{"grant_type":null,"unknown":{"a":1}}"#,
    ] {
        let response = fixture.post_with_key(WireKind::Envelope, body).await;
        assert_eq!(response.json()["data"]["expires_in"], 3600, "{body}");
    }
}

// "it must be between 1 and the configured maximum (currently 3600). Values outside that range are rejected with
// OUT_OF_RANGE."
#[tokio::test]
async fn expire_after_below_1_or_above_3600_is_out_of_range() {
    let fixture = Fixture::new().await;
    for seconds in [1, 60, 3600] {
        let body = format!(r#"{{"expireAfter":{seconds}}}"#);
        let response = fixture.post_with_key(WireKind::Envelope, body).await;
        assert_eq!(response.json()["data"]["expires_in"], seconds);
        let claims = claims(response.token());
        assert_eq!(claims["exp"], NOW.unix_seconds() + seconds);
    }
    let many = format!("1{}", "0".repeat(400));
    for (value, code) in [
        ("0", "OUT_OF_RANGE"),
        ("-1", "OUT_OF_RANGE"),
        ("3601", "OUT_OF_RANGE"),
        ("18446744073709551615", "OUT_OF_RANGE"),
        ("18446744073709551616", "OUT_OF_RANGE"),
        (&many, "OUT_OF_RANGE"),
        ("1e999", "OUT_OF_RANGE"),
        ("-0", "OUT_OF_RANGE"),
        ("1.5", "INVALID_TYPE"),
        (r#""60""#, "INVALID_TYPE"),
        ("true", "INVALID_TYPE"),
        ("[60]", "INVALID_TYPE"),
        ("{}", "INVALID_TYPE"),
    ] {
        let body = format!(r#"{{"expireAfter":{value}}}"#);
        let response = fixture.post_with_key(WireKind::Envelope, body).await;
        let body = response.json();
        assert_eq!(response.status, 400, "{value}");
        assert_eq!(body["type"], "INVALID_REQUEST");
        assert_eq!(body["errors"][0]["field"], "expireAfter");
        assert_eq!(body["errors"][0]["code"], code, "{value}");
    }
}

// "Per-field error details."
#[tokio::test]
async fn every_invalid_field_is_listed() {
    let fixture = Fixture::new().await;
    let body = r#"{"expireAfter":"60","grant_type":"password"}"#;
    let response = fixture.post_with_key(WireKind::Envelope, body).await;
    assert_eq!(
        response.json()["errors"],
        json!([
            {"field": "expireAfter", "code": "INVALID_TYPE", "message": "expireAfter must be an integer number of seconds"},
            {"field": "grant_type", "code": "UNSUPPORTED_VALUE", "message": "grant_type must be client_credentials"},
        ])
    );
    let response = fixture
        .post_with_key(WireKind::Envelope, r#"{"grant_type":1}"#)
        .await;
    assert_eq!(response.json()["errors"][0]["code"], "INVALID_TYPE");
}

// "if a token is compromised, rotate the underlying API Key"
#[tokio::test]
async fn rotated_key_gets_no_token_and_the_new_one_gets_one() {
    let fixture = Fixture::new().await;
    let id = fixture.key.record.id;
    let rotated = fixture
        .registry
        .rotate(&operator(), id, Rotation::Compromised)
        .await
        .unwrap();
    assert_eq!(
        fixture.post_with_key(WireKind::Envelope, "").await.status,
        401
    );
    let key = Presented::Key(rotated.issued.key.expose());
    let response = fixture
        .send_credentials(WireKind::Envelope, key)
        .await
        .unwrap();
    assert_eq!(claims(response.token())["cgn"], 2);
}

// "Unique identifier of this request, generated by the API Gateway. Propagated end-to-end for traceability."
#[tokio::test]
async fn transaction_id_is_the_request_id_and_not_chosen_by_the_client() {
    let fixture = Fixture::new().await;
    let chosen = "0195b0a4-0000-7000-8000-000000000000";
    let headers = [("x-api-key", fixture.api_key()), ("x-request-id", chosen)];
    let request = WireKind::Envelope.post(&headers, "");
    let endpoint = fixture.endpoint(WireKind::Envelope);
    let response = endpoint.clone().oneshot(request).await.unwrap();
    assert_ne!(response.headers()["x-request-id"], chosen);

    // A layer in front of the endpoint has already assigned an id.
    let named = RequestId::new(NOW, &SystemRandom);
    let mut request = WireKind::Envelope.post(&headers, "");
    request.extensions_mut().insert(named.clone());
    let response = endpoint.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["x-request-id"], named.as_str());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["transactionId"], named.as_str());
}

// RFC 7617 §2.1: Basic credentials are encoded in UTF-8.
#[tokio::test]
async fn password_with_non_ascii_characters_is_accepted_in_basic() {
    let fixture = Fixture::new().await;
    let password = "öffne dich: 开";
    let hash = fixture.hasher.hash(password).unwrap();
    fixture.change(&fixture.user, Change::Password(hash)).await;
    for (password, status) in [(password, 200), ("öffne dich: 閉", 401)] {
        let user = Presented::User(USER, password);
        let response = fixture
            .send_credentials(WireKind::Envelope, user)
            .await
            .unwrap();
        assert_eq!(response.status, status);
    }
}
