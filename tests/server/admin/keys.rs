use serde_json::{Value, json};

use super::{Site, assert_problem, text};
use crate::harness::{Home, Server, api_key, basic, bearer};

#[test]
fn a_key_is_made_and_its_secret_is_shown_this_once() {
    let site = Site::open();
    let body = json!({
        "name": "ci",
        "scopes": ["calls:read", "wallet:*"],
        "expires_at": "2999-12-31T23:59:59.5+01:00",
        "allow_from": ["127.0.0.1", "2001:db8::/32"],
    });
    let response = site.must(201, "POST", "/keys", &body);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let made = response.json();
    let (id, key, secret) = (text(&made, "id"), text(&made, "key"), text(&made, "secret"));
    let location = format!("/admin/v1/keys/{id}");
    assert_eq!(response.header("location"), Some(&*location));
    let mut members: Vec<_> = made.as_object().unwrap().keys().cloned().collect();
    let mut as_printed: Vec<_> = {
        let printed = site
            .home
            .json(&["key", "create", "--name", "x", "--scopes", "a"]);
        printed.as_object().unwrap().keys().cloned().collect()
    };
    members.sort_unstable();
    as_printed.sort_unstable();
    assert_eq!(members, as_printed);
    assert_eq!(made["scopes"], json!(["calls:read", "wallet:*"]));
    assert_eq!(made["expires_at"], "2999-12-31T22:59:59.5Z");

    // It works at once, in each of its forms.
    assert_eq!(site.whoami(&key), 200);
    assert_eq!(site.server.status_for(&[basic(&id, &secret)]), 200);
    let token = site.server.token(&[api_key(&key)]);
    assert_eq!(site.server.status_for(&[bearer(&token)]), 200);

    let shown = site.must(200, "GET", &format!("/keys/{id}"), &Value::Null);
    assert_eq!(
        shown.json()["allow_from"],
        json!(["127.0.0.1/32", "2001:db8::/32"])
    );
    assert_eq!(shown.json()["account_id"], made["account_id"]);
    let path = format!("/keys/{id}");
    let answers = [
        shown.body,
        site.get("/keys").to_string(),
        site.get("/audit").to_string(),
        site.ask(&site.operator, "DELETE", &path, &Value::Null).body,
        site.post(&format!("{path}/suspend"), &json!({}))
            .to_string(),
        site.post(&format!("{path}/revoke"), &json!({})).to_string(),
    ];
    let (_, log) = site.server.stop();
    for answer in answers.iter().chain([&log]) {
        assert!(!answer.contains(&secret), "{answer}");
        assert!(!answer.contains(&site.operator), "{answer}");
    }
}

#[test]
fn a_key_is_suspended_activated_revoked_and_deleted_and_its_tokens_die_at_once() {
    let site = Site::open();
    let made = site.key(&["calls:read"]);
    let (id, key) = (text(&made, "id"), text(&made, "key"));
    let at = |rest: &str| format!("/keys/{id}{rest}");
    let token = site.server.token(&[api_key(&key)]);
    let statuses = |token: &str| [site.whoami(&key), site.server.status_for(&[bearer(token)])];
    assert_eq!(statuses(&token), [200, 200]);

    assert_eq!(
        site.post(&at("/suspend"), &json!({}))["status"],
        "suspended"
    );
    assert_eq!(statuses(&token), [401, 401]);
    // Once more changes nothing.
    let again = site.post(&at("/suspend"), &Value::Null);
    assert_eq!(
        (&again["status"], &again["generation"]),
        (&json!("suspended"), &json!(2))
    );

    assert_eq!(site.post(&at("/activate"), &json!({}))["status"], "active");
    assert_eq!(statuses(&token), [200, 401]);
    let token = site.server.token(&[api_key(&key)]);
    assert_eq!(statuses(&token), [200, 200]);

    let early = site.ask(&site.operator, "DELETE", &at(""), &Value::Null);
    assert_problem(&early, 409, "not_revoked");
    let revoked = site.post(&at("/revoke"), &json!({ "reason": "left" }));
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
        let refused = site.ask(&site.operator, method, &at(path), &body);
        assert_problem(&refused, 409, "revoked");
    }

    let deleted = site.must(204, "DELETE", &at(""), &Value::Null);
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
        let gone = site.ask(&site.operator, method, &at(path), &Value::Null);
        assert_problem(&gone, 404, "not_found");
    }
}

#[test]
fn scopes_are_narrowed_at_once_for_tokens_too_and_widened_without_ending_them() {
    let site = Site::open();
    let made = site.key(&["calls:*", "wallet:*"]);
    let (id, key) = (text(&made, "id"), text(&made, "key"));
    let path = format!("/keys/{id}/scopes");
    let change = |scopes: Value| {
        site.must(200, "PUT", &path, &json!({ "scopes": scopes }))
            .json()
    };
    let wide = site.server.token(&[api_key(&key)]);

    assert_eq!(
        change(json!(["calls:read"]))["scopes"],
        json!(["calls:read"])
    );
    assert_eq!(site.server.status_for(&[bearer(&wide)]), 401);
    let whoami = site.server.get("/whoami", &[api_key(&key)]).json();
    assert_eq!(whoami["scopes"], json!(["calls:read"]));

    let narrow = site.server.token(&[api_key(&key)]);
    change(json!(["calls:read", "calls:write"]));
    assert_eq!(site.server.status_for(&[bearer(&narrow)]), 200);
    assert_eq!(change(json!([]))["scopes"], json!([]));
}

#[test]
fn nobody_grants_what_they_do_not_hold() {
    let site = Site::open();
    let made = site.key(&["countersign:admin", "calls:*"]);
    let admin = text(&made, "key");
    let wide = site.key(&["wallet:pay"]);
    let user = json!({ "name": "ada", "password": "p", "scopes": ["wallet:pay"] });
    let user = text(&site.make("/users", &user), "id");
    let of_wide = |rest: &str| format!("/keys/{}{rest}", text(&wide, "id"));

    for scopes in [
        json!(["*"]),
        json!(["calls:read", "wallet:pay"]),
        json!(["countersign:*"]),
    ] {
        let key = json!({ "name": "x", "scopes": scopes });
        let user = json!({ "name": "eve", "password": "p", "scopes": scopes });
        let itself = format!("/keys/{}/scopes", text(&made, "id"));
        let scopes = json!({ "scopes": scopes });
        for (method, path, body) in [
            ("POST", "/keys", &key),
            ("POST", "/users", &user),
            ("PUT", &*itself, &scopes),
            ("PUT", &*of_wide("/scopes"), &scopes),
        ] {
            let refused = site.ask(&admin, method, path, body);
            assert_problem(&refused, 403, "scope_not_held");
        }
    }
    // A new secret or password is as good as the scopes behind it.
    for rotation in [Value::Null, json!({ "compromised": true })] {
        let refused = site.ask(&admin, "POST", &of_wide("/rotate"), &rotation);
        assert_problem(&refused, 403, "scope_not_held");
    }
    let password = json!({ "password": "mine" });
    let refused = site.ask(
        &admin,
        "POST",
        &format!("/users/{user}/password"),
        &password,
    );
    assert_problem(&refused, 403, "scope_not_held");
    assert_eq!(site.server.status_for(&[basic("ada", "mine")]), 401);
    assert_eq!(site.server.status_for(&[basic("ada", "p")]), 200);
    assert_eq!(site.whoami(&text(&wide, "key")), 200);

    // What it holds it grants, and what takes away needs nothing.
    let key = json!({ "name": "x", "scopes": ["calls:read", "countersign:admin"] });
    assert_eq!(site.ask(&admin, "POST", "/keys", &key).status, 201);
    assert_eq!(
        site.ask(&admin, "POST", &of_wide("/revoke"), &Value::Null)
            .status,
        200
    );
}

#[test]
fn keys_are_listed_in_pages_without_users() {
    let site = Site::open();
    let user = json!({ "name": "ada", "password": "p", "scopes": [] });
    let user = text(&site.make("/users", &user), "id");
    let mut made: Vec<_> = (0..4).map(|_| text(&site.key(&[]), "id")).collect();
    let mut listed = Vec::new();
    let mut path = "/keys?limit=2".to_owned();
    loop {
        let page = site.get(&path);
        let keys = page["keys"].as_array().unwrap();
        assert!(keys.len() <= 2, "{page}");
        listed.extend(keys.iter().map(|key| text(key, "id")));
        let Value::String(next) = &page["next"] else {
            break;
        };
        assert_eq!(listed.last(), Some(next));
        path = format!("/keys?after={next}&limit=2");
    }
    let whoami = site.server.get("/whoami", &[api_key(&site.operator)]);
    made.push(text(&whoami.json(), "credential_id"));
    made.sort_unstable();
    assert_eq!(listed, made);
    // A page that holds all of them is the last.
    assert_eq!(site.get("/keys?limit=5")["next"], Value::Null);
    assert!(!listed.contains(&user));
}

#[test]
fn a_key_that_has_expired_is_refused() {
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
    crate::harness::wait_for("its end", std::time::Duration::from_secs(10), || {
        let refused = server.get("/admin/v1/keys", &[api_key(&key)]).status;
        (refused == 401).then_some(())
    });
}
