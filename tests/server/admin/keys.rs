//! API keys.

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};
use crate::harness::{Home, Server, api_key, basic, bearer};

#[test]
fn a_key_is_created_and_only_this_response_has_its_secret() {
    let fixture = Fixture::open();
    let body = json!({
        "name": "ci",
        "scopes": ["calls:read", "wallet:*"],
        "expires_at": "2999-12-31T23:59:59.5+01:00",
        "allow_from": ["127.0.0.1", "2001:db8::/32"],
    });
    let response = fixture.expect_status(201, "POST", "/keys", &body);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let created = response.json();
    let (id, key, secret) = (
        text(&created, "id"),
        text(&created, "key"),
        text(&created, "secret"),
    );
    let location = format!("/admin/v1/keys/{id}");
    assert_eq!(response.header("location"), Some(&*location));
    let mut members: Vec<_> = created.as_object().unwrap().keys().cloned().collect();
    let mut as_printed: Vec<_> = {
        let printed = fixture
            .home
            .json(&["key", "create", "--name", "x", "--scopes", "a"]);
        printed.as_object().unwrap().keys().cloned().collect()
    };
    members.sort_unstable();
    as_printed.retain(|member| member != "receipt");
    as_printed.sort_unstable();
    assert_eq!(members, as_printed);
    assert_eq!(created["scopes"], json!(["calls:read", "wallet:*"]));
    assert_eq!(created["expires_at"], "2999-12-31T22:59:59.5Z");

    // The key is accepted at once, in each form.
    assert_eq!(fixture.whoami(&key), 200);
    assert_eq!(fixture.server.status_for(&[basic(&id, &secret)]), 200);
    let token = fixture.server.token(&[api_key(&key)]);
    assert_eq!(fixture.server.status_for(&[bearer(&token)]), 200);

    let details = fixture.expect_status(200, "GET", &format!("/keys/{id}"), &Value::Null);
    assert_eq!(
        details.json()["allow_from"],
        json!(["127.0.0.1/32", "2001:db8::/32"])
    );
    assert_eq!(details.json()["account_id"], created["account_id"]);
    let path = format!("/keys/{id}");
    let others = [
        details.body,
        fixture.get("/keys").to_string(),
        fixture.get("/audit").to_string(),
        fixture
            .send(&fixture.operator, "DELETE", &path, &Value::Null)
            .body,
        fixture
            .post(&format!("{path}/suspend"), &json!({}))
            .to_string(),
        fixture
            .post(&format!("{path}/revoke"), &json!({}))
            .to_string(),
    ];
    let (_, log) = fixture.server.stop();
    for text in others.iter().chain([&log]) {
        assert!(!text.contains(&secret), "{text}");
        assert!(!text.contains(&fixture.operator), "{text}");
    }
}

#[test]
fn a_key_is_suspended_activated_revoked_and_deleted_and_its_tokens_are_rejected_at_once() {
    let fixture = Fixture::open();
    let created = fixture.key(&["calls:read"]);
    let (id, key) = (text(&created, "id"), text(&created, "key"));
    let at = |rest: &str| format!("/keys/{id}{rest}");
    let token = fixture.server.token(&[api_key(&key)]);
    let statuses = |token: &str| {
        [
            fixture.whoami(&key),
            fixture.server.status_for(&[bearer(token)]),
        ]
    };
    assert_eq!(statuses(&token), [200, 200]);

    assert_eq!(
        fixture.post(&at("/suspend"), &json!({}))["status"],
        "suspended"
    );
    assert_eq!(statuses(&token), [401, 401]);
    // Repeating it changes nothing.
    let again = fixture.post(&at("/suspend"), &Value::Null);
    assert_eq!(
        (&again["status"], &again["generation"]),
        (&json!("suspended"), &json!(2))
    );

    assert_eq!(
        fixture.post(&at("/activate"), &json!({}))["status"],
        "active"
    );
    assert_eq!(statuses(&token), [200, 401]);
    let token = fixture.server.token(&[api_key(&key)]);
    assert_eq!(statuses(&token), [200, 200]);

    let early = fixture.send(&fixture.operator, "DELETE", &at(""), &Value::Null);
    assert_problem(&early, 409, "not_revoked");
    let revoked = fixture.post(&at("/revoke"), &json!({ "reason": "left" }));
    assert_eq!(
        (&revoked["status"], &revoked["reason"]),
        (&json!("revoked"), &json!("left"))
    );
    assert_eq!(statuses(&token), [401, 401]);
    for (method, path, body) in [
        ("POST", "/activate", Value::Null),
        ("POST", "/suspend", Value::Null),
        ("POST", "/rotate", Value::Null),
        ("PUT", "/scopes", json!({ "scopes": [] })),
    ] {
        let rejected = fixture.send(&fixture.operator, method, &at(path), &body);
        assert_problem(&rejected, 409, "revoked");
    }

    let deleted = fixture.expect_status(204, "DELETE", &at(""), &Value::Null);
    assert_eq!(
        (deleted.body.as_str(), deleted.header("cache-control")),
        ("", Some("no-store"))
    );
    assert_eq!(statuses(&token), [401, 401]);
    for (method, path) in [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/revoke"),
        ("POST", "/rotate"),
    ] {
        let gone = fixture.send(&fixture.operator, method, &at(path), &Value::Null);
        assert_problem(&gone, 404, "not_found");
    }
}

#[test]
fn narrowing_scopes_invalidates_tokens_at_once_and_widening_does_not() {
    let fixture = Fixture::open();
    let created = fixture.key(&["calls:*", "wallet:*"]);
    let (id, key) = (text(&created, "id"), text(&created, "key"));
    let path = format!("/keys/{id}/scopes");
    let change = |scopes: Value| {
        fixture
            .expect_status(200, "PUT", &path, &json!({ "scopes": scopes }))
            .json()
    };
    let wide = fixture.server.token(&[api_key(&key)]);

    assert_eq!(
        change(json!(["calls:read"]))["scopes"],
        json!(["calls:read"])
    );
    assert_eq!(fixture.server.status_for(&[bearer(&wide)]), 401);
    let whoami = fixture.server.get("/whoami", &[api_key(&key)]).json();
    assert_eq!(whoami["scopes"], json!(["calls:read"]));

    let narrow = fixture.server.token(&[api_key(&key)]);
    change(json!(["calls:read", "calls:write"]));
    assert_eq!(fixture.server.status_for(&[bearer(&narrow)]), 200);
    assert_eq!(change(json!([]))["scopes"], json!([]));
}

#[test]
fn a_caller_cannot_grant_scopes_that_it_does_not_hold() {
    let fixture = Fixture::open();
    let created = fixture.key(&["countersign:admin", "calls:*"]);
    let admin = text(&created, "key");
    let wide = fixture.key(&["wallet:pay"]);
    let user = json!({ "name": "ada", "password": "p", "scopes": ["wallet:pay"] });
    let user = text(&fixture.create("/users", &user), "id");
    let of_wide = |rest: &str| format!("/keys/{}{rest}", text(&wide, "id"));

    for scopes in [
        json!(["*"]),
        json!(["calls:read", "wallet:pay"]),
        json!(["countersign:*"]),
    ] {
        let key = json!({ "name": "x", "scopes": scopes });
        let user = json!({ "name": "eve", "password": "p", "scopes": scopes });
        let itself = format!("/keys/{}/scopes", text(&created, "id"));
        let scopes = json!({ "scopes": scopes });
        for (method, path, body) in [
            ("POST", "/keys", &key),
            ("POST", "/users", &user),
            ("PUT", &*itself, &scopes),
            ("PUT", &*of_wide("/scopes"), &scopes),
        ] {
            let rejected = fixture.send(&admin, method, path, body);
            assert_problem(&rejected, 403, "scope_not_held");
        }
    }
    // A new secret or password gives access to the scopes of its credential.
    for rotation in [Value::Null, json!({ "compromised": true })] {
        let rejected = fixture.send(&admin, "POST", &of_wide("/rotate"), &rotation);
        assert_problem(&rejected, 403, "scope_not_held");
    }
    let password = json!({ "password": "new" });
    let rejected = fixture.send(
        &admin,
        "POST",
        &format!("/users/{user}/password"),
        &password,
    );
    assert_problem(&rejected, 403, "scope_not_held");
    assert_eq!(fixture.server.status_for(&[basic("ada", "new")]), 401);
    assert_eq!(fixture.server.status_for(&[basic("ada", "p")]), 200);
    assert_eq!(fixture.whoami(&text(&wide, "key")), 200);

    // A caller that narrows the scopes first, or activates the key, would gain them too.
    let narrower = json!({ "scopes": ["calls:read"] });
    let narrowed = fixture.send(&admin, "PUT", &of_wide("/scopes"), &narrower);
    assert_problem(&narrowed, 403, "scope_not_held");
    let suspended = fixture.send(&admin, "POST", &of_wide("/suspend"), &Value::Null);
    assert_eq!(suspended.status, 200, "{suspended:?}");
    let activated = fixture.send(&admin, "POST", &of_wide("/activate"), &Value::Null);
    assert_problem(&activated, 403, "scope_not_held");

    // It can grant scopes that it holds, and revoke without holding them.
    let key = json!({ "name": "x", "scopes": ["calls:read", "countersign:admin"] });
    assert_eq!(fixture.send(&admin, "POST", "/keys", &key).status, 201);
    assert_eq!(
        fixture
            .send(&admin, "POST", &of_wide("/revoke"), &Value::Null)
            .status,
        200
    );
}

#[test]
fn keys_are_listed_in_pages_without_users() {
    let fixture = Fixture::open();
    let user = json!({ "name": "ada", "password": "p", "scopes": [] });
    let user = text(&fixture.create("/users", &user), "id");
    let mut created: Vec<_> = (0..4).map(|_| text(&fixture.key(&[]), "id")).collect();
    let mut listed = Vec::new();
    let mut path = "/keys?limit=2".to_owned();
    loop {
        let page = fixture.get(&path);
        let keys = page["keys"].as_array().unwrap();
        assert!(keys.len() <= 2, "{page}");
        listed.extend(keys.iter().map(|key| text(key, "id")));
        let Value::String(next) = &page["next"] else {
            break;
        };
        assert_eq!(listed.last(), Some(next));
        path = format!("/keys?after={next}&limit=2");
    }
    let whoami = fixture.server.get("/whoami", &[api_key(&fixture.operator)]);
    created.push(text(&whoami.json(), "credential_id"));
    created.sort_unstable();
    assert_eq!(listed, created);
    // A page with all remaining keys is the last.
    assert_eq!(fixture.get("/keys?limit=5")["next"], Value::Null);
    assert!(!listed.contains(&user));
}

#[test]
fn an_expired_key_is_rejected() {
    let home = Home::new();
    let expired = home.json(&[
        "key",
        "create",
        "--name",
        "x",
        "--scopes",
        "*",
        "--expires-in",
        "1s",
    ]);
    let server = Server::start(&home, &[]);
    let key = expired["key"].as_str().unwrap().to_owned();
    crate::harness::wait_for("the expiry", std::time::Duration::from_secs(10), || {
        let rejected = server.get("/admin/v1/keys", &[api_key(&key)]).status;
        (rejected == 401).then_some(())
    });
}
