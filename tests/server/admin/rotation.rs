//! Rotation of API keys.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};
use crate::harness::{api_key, bearer, wait_for};

#[test]
fn after_a_rotation_with_grace_the_old_secret_and_its_tokens_are_accepted() {
    let fixture = Fixture::open();
    let old = fixture.key(&["a"]);
    let path = format!("/keys/{}/rotate", text(&old, "id"));
    let token = fixture.server.token(&[api_key(&text(&old, "key"))]);
    let rotated = fixture.expect_status(200, "POST", &path, &Value::Null);
    assert_eq!(rotated.header("cache-control"), Some("no-store"));
    let new = rotated.json();
    assert_eq!(new["id"], old["id"]);
    assert_ne!(new["secret"], old["secret"]);
    for key in [&old, &new] {
        assert_eq!(fixture.whoami(&text(key, "key")), 200);
    }
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 200);
    let details = fixture.get(&format!("/keys/{}", text(&old, "id")));
    assert!(details["grace_until"].is_string(), "{details}");

    let third = fixture.send(
        &fixture.operator,
        "POST",
        &path,
        &json!({ "grace_seconds": 60 }),
    );
    assert_problem(&third, 409, "rotation_under_way");
    assert!(third.json()["detail"].as_str().unwrap().contains("grace"));
}

#[test]
fn after_a_rotation_without_grace_only_the_tokens_of_the_old_secret_are_accepted() {
    let fixture = Fixture::open();
    let old = fixture.key(&["a"]);
    let path = format!("/keys/{}/rotate", text(&old, "id"));
    let token = fixture.server.token(&[api_key(&text(&old, "key"))]);
    let new = fixture.post(&path, &json!({ "grace_seconds": 0 }));
    assert_eq!(fixture.whoami(&text(&old, "key")), 401);
    assert_eq!(fixture.whoami(&text(&new, "key")), 200);
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 200);
}

#[test]
fn the_old_secret_is_rejected_after_the_grace_period() {
    let fixture = Fixture::open();
    let old = fixture.key(&["a"]);
    let path = format!("/keys/{}/rotate", text(&old, "id"));
    let new = fixture.post(&path, &json!({ "grace_seconds": 1 }));
    wait_for(
        "the end of the grace period",
        Duration::from_secs(10),
        || (fixture.whoami(&text(&old, "key")) == 401).then_some(()),
    );
    assert_eq!(fixture.whoami(&text(&new, "key")), 200);
}

#[test]
fn rotation_as_compromised_invalidates_all_older_secrets_and_tokens() {
    let fixture = Fixture::open();
    let first = fixture.key(&["a"]);
    let path = format!("/keys/{}/rotate", text(&first, "id"));
    let second = fixture.post(&path, &Value::Null);
    let tokens = [&first, &second].map(|key| fixture.server.token(&[api_key(&text(key, "key"))]));
    let third = fixture.post(&path, &json!({ "compromised": true }));
    for key in [&first, &second] {
        assert_eq!(fixture.whoami(&text(key, "key")), 401);
    }
    for token in &tokens {
        assert_eq!(fixture.server.status_for(&[bearer(token)]), 401);
    }
    assert_eq!(fixture.whoami(&text(&third, "key")), 200);
    let token = fixture.server.token(&[api_key(&text(&third, "key"))]);
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 200);
}
