//! Seed 001: `scoped`.

use countersign::time::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, Wired, claims};

// The AuthTokenRequest's example `calls:read`, AuthTokenResponse's `expiresIn` 900 and `tokenType` Bearer, and the
// security scheme's header `X-Api-Key`.
#[tokio::test]
async fn seed_001_key_gets_a_token_of_the_scopes_that_it_names() {
    let fixture = Fixture::new().await;
    let key = [("X-Api-Key", fixture.api_key())];
    let body = r#"{"scope":["calls:read"]}"#;
    let answer = fixture.post(Wired::Scoped, &key, body).await;
    assert_eq!(
        answer.said(),
        (
            200,
            r#"{"token":"<token>","expiresIn":900,"tokenType":"Bearer"}"#
        )
    );
    assert_eq!(
        answer.head(),
        [
            "cache-control: no-store",
            "content-type: application/json",
            "x-request-id: <id>",
        ]
    );
    assert_eq!(claims(answer.token())["scope"], "calls:read");
}

// The `enum` of AuthTokenRequest.
#[tokio::test]
async fn seed_001_all_eight_scopes_are_given_to_who_holds_them() {
    let fixture = Fixture::new().await;
    let catalogue = Wired::Scoped.terms().catalogue;
    let key = fixture.holding(catalogue.as_str()).await;
    let body = json!({"scope": catalogue.iter().collect::<Vec<_>>()});
    let key = [("x-api-key", key.issued.key.expose())];
    let answer = fixture.post(Wired::Scoped, &key, body.to_string()).await;
    assert_eq!(claims(answer.token())["scope"], catalogue.as_str());
}

// "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"; ValidationError: field, rejectedValue, message.
#[tokio::test]
async fn seed_001_error_has_its_time_in_utc_and_one_entry_for_each_scope() {
    let fixture = Fixture::new().await;
    fixture
        .clock
        .set(Timestamp::from_unix_millis(1_795_296_600_123));
    let body = r#"{"scope":["calls:write","calls:read","wallet:pay","calls:write"]}"#;
    let answer = fixture.with_key(Wired::Scoped, body).await;
    assert_eq!(
        answer.said(),
        (
            400,
            r#"{"timestamp":"2026-11-21T21:30:00.123Z","status":400,"message":"Invalid payload or unsupported scope","errors":[{"field":"scope","rejectedValue":"calls:write","message":"the scope is not supported, or not held by the key"},{"field":"scope","rejectedValue":"wallet:pay","message":"the scope is not supported, or not held by the key"}]}"#
        )
    );
}
