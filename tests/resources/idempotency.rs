//! `idempotency_key`: remembered 24 hours for its caller.

use std::time::Duration;

use countersign::jose::Algorithm;
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{DAY, Key, Managed, TOKENS, World};
use crate::response::Answer;

async fn create(world: &World, key: &Key, body: &Value) -> Answer {
    world
        .create_by(&[("x-api-key", &key.key)], body.clone())
        .await
}

async fn count(world: &World) -> Value {
    world.act(Method::GET, "").await.json()["pagination"]["item_count"].clone()
}

fn named(key: &str) -> Value {
    json!({"token_scope": "account", "idempotency_key": key})
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_makes_one_token() {
    // ES256 signs with a random number: the second signature would be another.
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let world = World::with(algorithm).await;
        let first = create(&world, &world.admin, &named("once")).await.ok();
        world.clock.advance(Duration::from_secs(3600));
        let again = create(&world, &world.admin, &named("once")).await;
        assert_eq!(again.said(), first.said());
        assert_eq!(count(&world).await, 1);
        assert!(world.lets_in(&Managed::of(&again).token).await);
    }
}

#[tokio::test]
async fn another_request_by_the_same_name_is_a_conflict() {
    let world = World::new().await;
    let first = Managed::of(&create(&world, &world.admin, &named("once")).await.ok());
    let mut other = named("once");
    other["scopes"] = json!(["calls:read"]);
    let refused = create(&world, &world.admin, &other).await;
    assert_eq!(
        refused.said(),
        (
            409,
            r#"{"status":"error","code":"idempotency_conflict","message":"another request had the same idempotency_key"}"#
        )
    );
    let headers = [("x-api-key", &*world.admin.key)];
    let path = format!("{TOKENS}/{}/revoke", first.id);
    let body = named("once").to_string();
    let refused = world.send(Method::POST, &path, &headers, body).await;
    assert_eq!(refused.code(), (409, "idempotency_conflict".into()));
    assert_eq!(count(&world).await, 1);
    assert!(world.lets_in(&first.token).await);
}

#[tokio::test]
async fn a_name_is_its_callers_own() {
    let world = World::new().await;
    let colleague = world.key("api_token:*").await;
    let one = create(&world, &world.admin, &named("once")).await.ok();
    let other = create(&world, &colleague, &named("once")).await.ok();
    assert_ne!(Managed::of(&one).id, Managed::of(&other).id);
}

#[tokio::test]
async fn a_name_is_free_again_after_a_day() {
    let world = World::new().await;
    let first = Managed::of(&create(&world, &world.admin, &named("once")).await.ok());
    world.clock.advance(DAY - Duration::from_millis(1));
    let again = Managed::of(&create(&world, &world.admin, &named("once")).await.ok());
    assert_eq!(again.id, first.id);
    world.clock.advance(Duration::from_millis(1));
    let next = Managed::of(&create(&world, &world.admin, &named("once")).await.ok());
    assert_ne!(next.id, first.id);
}

#[tokio::test]
async fn the_answer_is_remembered_for_longer_than_a_token_that_lives_for_an_hour() {
    let world = World::new().await;
    let mut body = named("once");
    body["expires_at"] = json!("2026-03-15T13:00:00Z");
    let first = create(&world, &world.admin, &body).await.ok();
    world.clock.advance(Duration::from_secs(2 * 3600));
    let again = create(&world, &world.admin, &body).await;
    assert_eq!(again.said(), first.said());
    // By another name it is a new request, and too late.
    for key in [json!("twice"), Value::Null] {
        body["idempotency_key"] = key;
        let refused = create(&world, &world.admin, &body).await;
        assert_eq!(refused.code(), (422, "validation_errors".into()));
        let errors = json!({"expires_at": ["must be in the future"]});
        assert_eq!(refused.json()["errors"], errors);
    }
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn a_wrapped_request_is_named_inside_or_outside() {
    let world = World::new().await;
    let inside = json!({"details": named("inside")});
    let outside = json!({"details": {"token_scope": "account"}, "idempotency_key": "outside"});
    for body in [inside, outside] {
        let first = create(&world, &world.admin, &body).await.ok();
        let again = create(&world, &world.admin, &body).await;
        assert_eq!(again.body, first.body);
    }
    assert_eq!(count(&world).await, 2);
}

#[tokio::test]
async fn what_was_refused_is_not_remembered() {
    let world = World::new().await;
    let refused = json!({"idempotency_key": "once"});
    assert_eq!(
        create(&world, &world.admin, &refused).await.status.as_u16(),
        422
    );
    create(&world, &world.admin, &named("once")).await.ok();
}

#[tokio::test]
async fn a_transition_that_comes_again_is_answered_and_not_done_again() {
    let world = World::new().await;
    let token = world.token().await;
    let headers = [("x-api-key", &*world.admin.key)];
    let post = async |action: &str, key: &str| {
        let path = format!("{TOKENS}/{}/{action}", token.id);
        let body = json!({"idempotency_key": key}).to_string();
        world.send(Method::POST, &path, &headers, body).await
    };
    let suspended = post("suspend", "s").await.ok();
    post("activate", "a").await.ok();
    let again = post("suspend", "s").await.ok();
    assert_eq!(again.body, suspended.body);
    assert!(world.lets_in(&token.token).await, "it is active");
    assert_eq!(
        post("revoke", "s").await.code(),
        (409, "idempotency_conflict".into())
    );

    post("revoke", "r").await.ok();
    let path = format!("{TOKENS}/{}", token.id);
    for _ in 0..2 {
        let body = json!({"idempotency_key": "d"}).to_string();
        let deleted = world.send(Method::DELETE, &path, &headers, body).await;
        assert_eq!(deleted.said(), (200, r#"{"status":"success"}"#));
    }
    let unnamed = world.send(Method::DELETE, &path, &headers, "").await;
    assert_eq!(unnamed.code(), (404, "not_found".into()));
}

#[tokio::test]
async fn the_body_of_a_transition_is_empty_or_an_object() {
    let world = World::new().await;
    let token = world.token().await;
    let headers = [("x-api-key", &*world.admin.key)];
    let path = format!("{TOKENS}/{}/suspend", token.id);
    for (body, wanted) in [
        ("[]", (400, "bad_request")),
        ("x", (400, "bad_request")),
        (r#"{"idempotency_key":""}"#, (422, "validation_errors")),
        (r#"{"idempotency_key":[]}"#, (422, "validation_errors")),
    ] {
        let refused = world.send(Method::POST, &path, &headers, body).await;
        assert_eq!(refused.code(), (wanted.0, wanted.1.into()), "{body}");
    }
    assert!(world.lets_in(&token.token).await);
    for body in ["", "{}", r#"{"other":1}"#] {
        world.send(Method::POST, &path, &headers, body).await.ok();
    }
}

#[tokio::test]
async fn so_many_answers_are_remembered_of_one_caller_and_no_more() {
    use countersign::registry::{
        Caller, Change, IdempotencyKey, IdempotentOutcome, ManagedTokens, RegistryError,
    };
    use countersign::{Id, Secret};

    let world = World::new().await;
    let id: Id = world.token().await.id.parse().unwrap();
    let answer = |_: &countersign::registry::Record| Ok(Secret::from("done".to_owned()));
    let me = Caller::operator("test");
    let activate = async |caller: Id, key: &str| {
        let once = IdempotencyKey {
            key,
            caller,
            request: [1; 32],
            answer: &answer,
        };
        let once = Some(once);
        world
            .registry
            .change_token(&me, id, Change::Activate, once)
            .await
    };
    for key in 0..IdempotencyKey::MOST_REMEMBERED {
        activate(world.admin.id, &key.to_string()).await.unwrap();
    }
    let refused = activate(world.admin.id, "one more").await;
    assert!(matches!(
        refused,
        Err(RegistryError::TooManyIdempotencyKeys)
    ));
    // What is remembered still is, others are not concerned, and a day later there is room again.
    let again = activate(world.admin.id, "7").await.unwrap();
    assert!(matches!(again, IdempotentOutcome::Replayed(_)));
    let other = world.key("api_token:write").await;
    activate(other.id, "one more").await.unwrap();
    world.clock.advance(DAY);
    activate(world.admin.id, "one more").await.unwrap();
}
