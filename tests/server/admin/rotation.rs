use std::time::Duration;

use serde_json::{Value, json};

use super::{Site, assert_problem, text};
use crate::harness::{api_key, bearer, wait_for};

#[test]
fn a_rotation_with_grace_leaves_the_old_secret_and_its_tokens_alive() {
    let site = Site::open();
    let old = site.key(&["a"]);
    let path = format!("/keys/{}/rotate", text(&old, "id"));
    let token = site.server.token(&[api_key(&text(&old, "key"))]);
    let rotated = site.must(200, "POST", &path, &Value::Null);
    assert_eq!(rotated.header("cache-control"), Some("no-store"));
    let new = rotated.json();
    assert_eq!(new["id"], old["id"]);
    assert_ne!(new["secret"], old["secret"]);
    for key in [&old, &new] {
        assert_eq!(site.whoami(&text(key, "key")), 200);
    }
    assert_eq!(site.server.status_for(&[bearer(&token)]), 200);
    let shown = site.get(&format!("/keys/{}", text(&old, "id")));
    assert!(shown["grace_until"].is_string(), "{shown}");

    let third = site.ask(
        &site.operator,
        "POST",
        &path,
        &json!({ "grace_seconds": 60 }),
    );
    assert_problem(&third, 409, "rotation_under_way");
    assert!(third.json()["detail"].as_str().unwrap().contains("grace"));
}

#[test]
fn a_rotation_without_grace_ends_the_old_secret_now_and_its_tokens_live_on() {
    let site = Site::open();
    let old = site.key(&["a"]);
    let path = format!("/keys/{}/rotate", text(&old, "id"));
    let token = site.server.token(&[api_key(&text(&old, "key"))]);
    let new = site.post(&path, &json!({ "grace_seconds": 0 }));
    assert_eq!(site.whoami(&text(&old, "key")), 401);
    assert_eq!(site.whoami(&text(&new, "key")), 200);
    assert_eq!(site.server.status_for(&[bearer(&token)]), 200);
}

#[test]
fn a_grace_ends_by_itself() {
    let site = Site::open();
    let old = site.key(&["a"]);
    let path = format!("/keys/{}/rotate", text(&old, "id"));
    let new = site.post(&path, &json!({ "grace_seconds": 1 }));
    wait_for("the end of the grace", Duration::from_secs(10), || {
        (site.whoami(&text(&old, "key")) == 401).then_some(())
    });
    assert_eq!(site.whoami(&text(&new, "key")), 200);
}

#[test]
fn a_compromised_key_dies_with_its_tokens_and_with_what_had_grace() {
    let site = Site::open();
    let first = site.key(&["a"]);
    let path = format!("/keys/{}/rotate", text(&first, "id"));
    let second = site.post(&path, &Value::Null);
    let tokens = [&first, &second].map(|key| site.server.token(&[api_key(&text(key, "key"))]));
    let third = site.post(&path, &json!({ "compromised": true }));
    for key in [&first, &second] {
        assert_eq!(site.whoami(&text(key, "key")), 401);
    }
    for token in &tokens {
        assert_eq!(site.server.status_for(&[bearer(token)]), 401);
    }
    assert_eq!(site.whoami(&text(&third, "key")), 200);
    let token = site.server.token(&[api_key(&text(&third, "key"))]);
    assert_eq!(site.server.status_for(&[bearer(&token)]), 200);
}
