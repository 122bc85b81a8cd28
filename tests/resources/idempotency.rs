//! `idempotency_key`: the response to a request is stored for 24 hours, separately for each caller.

use std::time::Duration;

use countersign::jose::Algorithm;
use countersign::registry::Change;
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{DAY, Fixture, Key, ManagedToken, TOKENS};
use crate::response::TestResponse;

async fn create(fixture: &Fixture, key: &Key, body: &Value) -> TestResponse {
    fixture
        .create_by(&[("x-api-key", &key.key)], body.clone())
        .await
}

async fn count(fixture: &Fixture) -> Value {
    fixture.send_as_admin(Method::GET, "").await.json()["pagination"]["item_count"].clone()
}

fn named(key: &str) -> Value {
    json!({"token_scope": "account", "idempotency_key": key})
}

#[tokio::test]
async fn the_same_request_gets_the_same_response_and_creates_one_token() {
    // ES256 signatures are randomized: a second signature would differ.
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let fixture = Fixture::with(algorithm).await;
        let first = create(&fixture, &fixture.admin, &named("once")).await.ok();
        fixture.clock.advance(Duration::from_secs(3600));
        let again = create(&fixture, &fixture.admin, &named("once")).await;
        assert_eq!(again.status_and_body(), first.status_and_body());
        assert_eq!(count(&fixture).await, 1);
        assert!(
            fixture
                .accepts(&ManagedToken::from_response(&again).token)
                .await
        );
    }
}

#[tokio::test]
async fn another_request_with_the_same_key_is_a_conflict() {
    let fixture = Fixture::new().await;
    let first =
        ManagedToken::from_response(&create(&fixture, &fixture.admin, &named("once")).await.ok());
    let mut other = named("once");
    other["scopes"] = json!(["calls:read"]);
    let rejected = create(&fixture, &fixture.admin, &other).await;
    assert_eq!(
        rejected.status_and_body(),
        (
            409,
            r#"{"status":"error","code":"idempotency_conflict","message":"the idempotency_key was used for another request, or before the caller's rights changed: send a new key"}"#
        )
    );
    let headers = [("x-api-key", &*fixture.admin.key)];
    let path = format!("{TOKENS}/{}/revoke", first.id);
    let body = named("once").to_string();
    let rejected = fixture.send(Method::POST, &path, &headers, body).await;
    assert_eq!(rejected.code(), (409, "idempotency_conflict".into()));
    assert_eq!(count(&fixture).await, 1);
    assert!(fixture.accepts(&first.token).await);
}

#[tokio::test]
async fn idempotency_keys_are_separate_for_each_caller() {
    let fixture = Fixture::new().await;
    let colleague = fixture.key("api_token:*").await;
    let one = create(&fixture, &fixture.admin, &named("once")).await.ok();
    let other = create(&fixture, &colleague, &named("once")).await.ok();
    assert_ne!(
        ManagedToken::from_response(&one).id,
        ManagedToken::from_response(&other).id
    );
}

#[tokio::test]
async fn an_idempotency_key_can_be_reused_after_a_day() {
    let fixture = Fixture::new().await;
    let first =
        ManagedToken::from_response(&create(&fixture, &fixture.admin, &named("once")).await.ok());
    fixture.clock.advance(DAY - Duration::from_millis(1));
    let again =
        ManagedToken::from_response(&create(&fixture, &fixture.admin, &named("once")).await.ok());
    assert_eq!(again.id, first.id);
    fixture.clock.advance(Duration::from_millis(1));
    let next =
        ManagedToken::from_response(&create(&fixture, &fixture.admin, &named("once")).await.ok());
    assert_ne!(next.id, first.id);
}

#[tokio::test]
async fn the_response_is_stored_longer_than_the_lifetime_of_a_short_lived_token() {
    let fixture = Fixture::new().await;
    let mut body = named("once");
    body["expires_at"] = json!("2026-03-15T13:00:00Z");
    let first = create(&fixture, &fixture.admin, &body).await.ok();
    fixture.clock.advance(Duration::from_secs(2 * 3600));
    let again = create(&fixture, &fixture.admin, &body).await;
    assert_eq!(again.status_and_body(), first.status_and_body());
    // With another key it is a new request, whose `expires_at` has passed.
    for key in [json!("twice"), Value::Null] {
        body["idempotency_key"] = key;
        let rejected = create(&fixture, &fixture.admin, &body).await;
        assert_eq!(rejected.code(), (422, "validation_errors".into()));
        let errors = json!({"expires_at": ["must be in the future"]});
        assert_eq!(rejected.json()["errors"], errors);
    }
    assert_eq!(count(&fixture).await, 1);
}

#[tokio::test]
async fn the_idempotency_key_of_a_wrapped_request_is_read_inside_and_outside_details() {
    let fixture = Fixture::new().await;
    let inside = json!({"details": named("inside")});
    let outside = json!({"details": {"token_scope": "account"}, "idempotency_key": "outside"});
    for body in [inside, outside] {
        let first = create(&fixture, &fixture.admin, &body).await.ok();
        let again = create(&fixture, &fixture.admin, &body).await;
        assert_eq!(again.body, first.body);
    }
    assert_eq!(count(&fixture).await, 2);
}

#[tokio::test]
async fn rejected_requests_are_not_stored() {
    let fixture = Fixture::new().await;
    let rejected = json!({"idempotency_key": "once"});
    assert_eq!(
        create(&fixture, &fixture.admin, &rejected)
            .await
            .status
            .as_u16(),
        422
    );
    create(&fixture, &fixture.admin, &named("once")).await.ok();
}

#[tokio::test]
async fn a_repeated_transition_gets_the_stored_response_and_is_not_applied_again() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    let headers = [("x-api-key", &*fixture.admin.key)];
    let post = async |action: &str, key: &str| {
        let path = format!("{TOKENS}/{}/{action}", token.id);
        let body = json!({"idempotency_key": key}).to_string();
        fixture.send(Method::POST, &path, &headers, body).await
    };
    let suspended = post("suspend", "s").await.ok();
    post("activate", "a").await.ok();
    let again = post("suspend", "s").await.ok();
    assert_eq!(again.body, suspended.body);
    assert!(fixture.accepts(&token.token).await, "the token is active");
    assert_eq!(
        post("revoke", "s").await.code(),
        (409, "idempotency_conflict".into())
    );

    post("revoke", "r").await.ok();
    let path = format!("{TOKENS}/{}", token.id);
    for _ in 0..2 {
        let body = json!({"idempotency_key": "d"}).to_string();
        let deleted = fixture.send(Method::DELETE, &path, &headers, body).await;
        assert_eq!(deleted.status_and_body(), (200, r#"{"status":"success"}"#));
    }
    let unnamed = fixture.send(Method::DELETE, &path, &headers, "").await;
    assert_eq!(unnamed.code(), (404, "not_found".into()));
}

#[tokio::test]
async fn the_body_of_a_transition_must_be_empty_or_an_object() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    let headers = [("x-api-key", &*fixture.admin.key)];
    let path = format!("{TOKENS}/{}/suspend", token.id);
    for (body, expected) in [
        ("[]", (400, "bad_request")),
        ("x", (400, "bad_request")),
        (r#"{"idempotency_key":""}"#, (422, "validation_errors")),
        (r#"{"idempotency_key":[]}"#, (422, "validation_errors")),
    ] {
        let rejected = fixture.send(Method::POST, &path, &headers, body).await;
        assert_eq!(rejected.code(), (expected.0, expected.1.into()), "{body}");
    }
    assert!(fixture.accepts(&token.token).await);
    for body in ["", "{}", r#"{"other":1}"#] {
        fixture.send(Method::POST, &path, &headers, body).await.ok();
    }
}

#[tokio::test]
async fn the_number_of_stored_responses_of_one_caller_is_limited() {
    use countersign::registry::{
        Caller, IdempotencyKey, IdempotentOutcome, ManagedTokens, RegistryError,
    };
    use countersign::{Id, Secret};

    let fixture = Fixture::new().await;
    let id: Id = fixture.token().await.id.parse().unwrap();
    let response = |_: &countersign::registry::Record| Ok(Secret::from("done".to_owned()));
    let operator = Caller::operator("test");
    let activate = async |caller: Id, key: &str| {
        let idempotency_key = IdempotencyKey::new(key, caller, [1; 32], &response);
        let idempotency_key = Some(idempotency_key);
        fixture
            .registry
            .change_token(&operator, id, Change::Activate, idempotency_key)
            .await
    };
    for key in 0..IdempotencyKey::MAX_PER_CALLER {
        activate(fixture.admin.id, &key.to_string()).await.unwrap();
    }
    let rejected = activate(fixture.admin.id, "one more").await;
    assert!(matches!(
        rejected,
        Err(RegistryError::TooManyIdempotencyKeys)
    ));
    // Stored responses remain, other callers are not affected, and a day later the caller can store more.
    let again = activate(fixture.admin.id, "7").await.unwrap();
    assert!(matches!(again, IdempotentOutcome::Replayed(_)));
    let other = fixture.key("api_token:write").await;
    activate(other.id, "one more").await.unwrap();
    fixture.clock.advance(DAY);
    activate(fixture.admin.id, "one more").await.unwrap();
}

#[tokio::test]
async fn narrowed_key_does_not_get_its_wider_token_again() {
    let fixture = Fixture::new().await;
    let key = fixture.key("api_token:* wallet:*").await;
    let body = json!({"token_scope": "account", "idempotency_key": "once"});
    let headers = [("x-api-key", &*key.key)];
    let first = ManagedToken::from_response(&fixture.create_by(&headers, body.clone()).await.ok());
    let narrower = Change::Scopes("api_token:*".parse().unwrap());
    fixture.change(key.id, narrower).await;
    let again = fixture.create_by(&headers, body).await;
    assert_eq!(again.code(), (409, "idempotency_conflict".into()));
    assert!(!again.body.contains(&first.token));
}

#[tokio::test]
async fn two_idempotency_keys_in_one_request_are_rejected() {
    let fixture = Fixture::new().await;
    let body = json!({"details": {"token_scope": "account", "idempotency_key": "a"}, "idempotency_key": "b"});
    let response = fixture.create(body).await;
    assert_eq!(response.code(), (422, "validation_errors".into()));
    assert!(response.json()["errors"]["idempotency_key"].is_array());
}
