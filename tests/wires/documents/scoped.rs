//! Wire `scoped`: the examples and statements of the vendor's OpenAPI document (`tests/clients/openapi/scoped.yaml`).

use countersign::time::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, WireKind, claims};

// The AuthTokenRequest's example `calls:read`, AuthTokenResponse's `expiresIn` 900 and `tokenType` Bearer, and the
// security scheme's header `X-Api-Key`.
#[tokio::test]
async fn key_gets_a_token_with_the_requested_scopes() {
    let fixture = Fixture::new().await;
    let key = [("X-Api-Key", fixture.api_key())];
    let body = r#"{"scope":["calls:read"]}"#;
    let response = fixture.post(WireKind::Scoped, &key, body).await;
    assert_eq!(
        response.status_and_body(),
        (
            200,
            r#"{"token":"<token>","expiresIn":900,"tokenType":"Bearer"}"#
        )
    );
    assert_eq!(
        response.header_lines(),
        [
            "cache-control: no-store",
            "content-type: application/json",
            "x-request-id: <id>",
        ]
    );
    assert_eq!(claims(response.token())["scope"], "calls:read");
}

// The `enum` of AuthTokenRequest.
#[tokio::test]
async fn all_eight_scopes_are_granted_to_a_key_that_holds_them() {
    let fixture = Fixture::new().await;
    let catalogue = WireKind::Scoped.issuance_settings().catalogue;
    let key = fixture.create_key_with_scopes(catalogue.as_str()).await;
    let body = json!({"scope": catalogue.iter().collect::<Vec<_>>()});
    let key = [("x-api-key", key.issued.key.expose())];
    let response = fixture.post(WireKind::Scoped, &key, body.to_string()).await;
    assert_eq!(claims(response.token())["scope"], catalogue.as_str());
}

// "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"; ValidationError: field, rejectedValue, message.
#[tokio::test]
async fn error_has_a_utc_timestamp_and_one_entry_for_each_scope() {
    let fixture = Fixture::new().await;
    fixture
        .clock
        .set(Timestamp::from_unix_millis(1_795_296_600_123));
    let body = r#"{"scope":["calls:write","calls:read","wallet:pay","calls:write"]}"#;
    let response = fixture.post_with_key(WireKind::Scoped, body).await;
    assert_eq!(
        response.status_and_body(),
        (
            400,
            r#"{"timestamp":"2026-11-21T21:30:00.123Z","status":400,"message":"Invalid payload or unsupported scope","errors":[{"field":"scope","rejectedValue":"calls:write","message":"the scope is not supported, or not held by the key"},{"field":"scope","rejectedValue":"wallet:pay","message":"the scope is not supported, or not held by the key"}]}"#
        )
    );
}
