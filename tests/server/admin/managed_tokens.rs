//! Managed tokens.

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};
use crate::harness::{Home, api_key, bearer};

/// Creates a managed token with a key. Returns its id and the token.
fn managed_token(fixture: &Fixture, key: &str) -> (String, String) {
    let body = json!({ "token_scope": "account" }).to_string();
    let created = fixture
        .server
        .send("POST", "/api/v1/api_token", &[api_key(key)], &body)
        .json();
    (text(&created["details"], "id"), text(&created, "token"))
}

#[test]
fn managed_token_is_suspended_activated_revoked_and_deleted_by_an_administrator() {
    let fixture = Fixture::open();
    let (id, token) = managed_token(&fixture, &fixture.operator);
    for (action, status, accepted) in [
        ("suspend", "suspended", 401),
        ("activate", "active", 200),
        ("revoke", "revoked", 401),
    ] {
        let path = format!("/managed-tokens/{id}");
        let change = format!("{path}/{action}");
        let changed = fixture.expect_status(200, "POST", &change, &Value::Null);
        assert_eq!(changed.json()["status"], status);
        assert_eq!(fixture.get(&path)["status"], status);
        assert_eq!(fixture.server.status_for(&[bearer(&token)]), accepted);
    }
    let path = format!("/managed-tokens/{id}");
    fixture.expect_status(204, "DELETE", &path, &Value::Null);
    assert_eq!(
        fixture.get("/managed-tokens"),
        json!({ "managed_tokens": [], "next": null })
    );
}

#[test]
fn managed_tokens_are_listed_by_the_credential_that_created_them() {
    let fixture = Fixture::open();
    let key = fixture.key(&["*"]);
    let (of_key, _) = managed_token(&fixture, &text(&key, "key"));
    managed_token(&fixture, &fixture.operator);
    let ids = |path: &str| -> Vec<String> {
        let page = fixture.get(path);
        let tokens = page["managed_tokens"].as_array().unwrap();
        tokens.iter().map(|token| text(token, "id")).collect()
    };
    assert_eq!(ids("/managed-tokens").len(), 2);
    let created_by = format!("/managed-tokens?created_by={}", text(&key, "id"));
    assert_eq!(ids(&created_by), [of_key]);
}

#[test]
fn keys_and_users_are_listed_by_the_credential_that_created_them() {
    let fixture = Fixture::open();
    let creator = fixture.key(&["*"]);
    let key = json!({ "name": "k", "scopes": [] });
    let user = json!({ "name": "ada", "scopes": [], "password": "correct horse" });
    for (collection, new) in [("keys", key), ("users", user)] {
        let path = format!("/{collection}");
        let created = fixture.send(&text(&creator, "key"), "POST", &path, &new);
        assert_eq!(created.status, 201, "{created:?}");
        let id = text(&created.json(), "id");
        let page = fixture.get(&format!("{path}?created_by={}", text(&creator, "id")));
        let [listed] = &page[collection].as_array().unwrap()[..] else {
            panic!("{page}");
        };
        assert_eq!(text(listed, "id"), id);
        assert_eq!(text(listed, "created_by"), text(&creator, "id"));
        assert_eq!(&fixture.get(&format!("{path}/{id}")), listed);
    }
}

#[test]
fn managed_token_of_another_account_and_a_key_are_not_found() {
    let fixture = Fixture::open();
    let (a, b) = (fixture.tenant("a", &["*"]), fixture.tenant("b", &["*"]));
    let (id, token) = managed_token(&fixture, &a.key);
    let revoke = |key: &str, id: &str| {
        fixture.send(
            key,
            "POST",
            &format!("/managed-tokens/{id}/revoke"),
            &Value::Null,
        )
    };
    assert_problem(&revoke(&b.key, &id), 404, "not_found");
    let key = text(&fixture.key(&["a"]), "id");
    assert_problem(&revoke(&fixture.operator, &key), 404, "not_found");
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 200);
}

#[test]
fn managed_token_is_revoked_by_its_text() {
    let fixture = Fixture::open();
    let (id, token) = managed_token(&fixture, &fixture.operator);
    let body = json!({ "token": token });
    fixture.expect_status(204, "POST", "/tokens/revoke", &body);
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 401);
    let shown = fixture.get(&format!("/managed-tokens/{id}"));
    assert_eq!(shown["status"], "revoked");
    let b = fixture.tenant("b", &["*"]);
    let rejected = fixture.send(&b.key, "POST", "/tokens/revoke", &body);
    assert_problem(&rejected, 404, "not_found");
}

#[test]
fn managed_token_is_accepted_from_the_networks_of_its_creator_only() {
    let home = Home::new();
    let file = home.configure("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let fixture = Fixture::with(&["--config", &file], home);
    let body =
        json!({ "name": "ci", "scopes": ["*"], "allow_from": ["192.0.2.0/24", "127.0.0.1"] });
    let key = text(&fixture.create("/keys", &body), "key");
    let (_, token) = managed_token(&fixture, &key);
    for (address, status) in [("192.0.2.7", 200), ("203.0.113.7", 401)] {
        let forwarded = ("x-forwarded-for", address.to_owned());
        assert_eq!(
            fixture.server.status_for(&[bearer(&token), forwarded]),
            status,
            "{address}"
        );
    }
}
