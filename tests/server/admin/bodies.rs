//! Malformed and invalid request bodies.

use serde_json::json;

use super::{Fixture, assert_problem, text};
use crate::harness::api_key;

#[test]
fn malformed_and_invalid_bodies_are_rejected_and_not_repeated() {
    let fixture = Fixture::open();
    let user = json!({ "name": "ada", "password": "p", "scopes": [] });
    let user = text(&fixture.create("/users", &user), "id");
    let key = text(&fixture.key(&[]), "id");
    let huge = "9".repeat(400);
    let key_with = |members: &str| format!(r#"{{"name":"canary","scopes":["a"]{members}}}"#);
    for (code, body) in [
        ("malformed_json", "canary".to_owned()),
        ("malformed_json", "{".to_owned()),
        ("malformed_json", key_with("") + "{}"),
        ("malformed_json", key_with("").replace('"', "'")),
        ("malformed_json", key_with(r#","expires_at":"\ud800""#)),
        ("malformed_json", key_with(r#","expires_at":1e400"#)),
        ("invalid_body", "[".repeat(10_000)),
        ("invalid_body", "[]".to_owned()),
        (
            "invalid_body",
            r#"["canary",["a"],null,null,null,[]]"#.to_owned(),
        ),
        ("invalid_body", "null".to_owned()),
        ("invalid_body", r#""canary""#.to_owned()),
        ("invalid_body", "{}".to_owned()),
        ("invalid_body", r#"{"name":"canary"}"#.to_owned()),
        (
            "invalid_body",
            r#"{"name":"canary","scopes":"a"}"#.to_owned(),
        ),
        (
            "invalid_body",
            r#"{"name":["canary"],"scopes":["a"]}"#.to_owned(),
        ),
        (
            "invalid_body",
            r#"{"name":"canary","scopes":[["canary"]]}"#.to_owned(),
        ),
        (
            "invalid_body",
            r#"{"name":"canary","scopes":null}"#.to_owned(),
        ),
        (
            "invalid_body",
            key_with(r#","expire_at":"2999-01-01T00:00:00Z""#),
        ),
        ("invalid_body", key_with(r#","canary":1"#)),
        ("invalid_body", key_with(r#","name":"canary""#)),
        ("invalid_body", key_with(r#","n\u0061me":"canary""#)),
        ("invalid_body", key_with(r#","expires_at":4102444800"#)),
        ("invalid_body", key_with(r#","allow_from":"canary""#)),
        (
            "malformed_json",
            key_with(&format!(r#","expires_at":{huge}"#)),
        ),
        ("invalid_name", r#"{"name":"","scopes":[]}"#.to_owned()),
        (
            "invalid_name",
            r#"{"name":"canary\u001b[2J","scopes":[]}"#.to_owned(),
        ),
        (
            "invalid_name",
            r#"{"name":"canary\u202egnp.","scopes":[]}"#.to_owned(),
        ),
        (
            "invalid_name",
            format!(r#"{{"name":"{}","scopes":[]}}"#, "n".repeat(129)),
        ),
        (
            "invalid_scope",
            r#"{"name":"n","scopes":["canary canary"]}"#.to_owned(),
        ),
        ("invalid_scope", r#"{"name":"n","scopes":[""]}"#.to_owned()),
        ("invalid_id", key_with(r#","account_id":"canary""#)),
        ("invalid_id", key_with(r#","environment_id":"' OR 1=1""#)),
        ("invalid_network", key_with(r#","allow_from":["canary"]"#)),
        (
            "invalid_network",
            key_with(r#","allow_from":["192.0.2.1/24"]"#),
        ),
        ("invalid_expiry", key_with(r#","expires_at":"canary""#)),
        (
            "invalid_expiry",
            key_with(r#","expires_at":"2020-01-01T00:00:00Z""#),
        ),
        ("invalid_expiry", key_with(r#","expires_at":"2999-01-01""#)),
    ] {
        assert_rejected(&fixture, "POST", "/keys", &body, code);
    }
    let of_key = |rest: &str| format!("/keys/{key}{rest}");
    let of_user = |rest: &str| format!("/users/{user}{rest}");
    for (method, path, body, code) in [
        (
            "POST",
            of_key("/suspend"),
            r#"{"for":"canary"}"#,
            "invalid_body",
        ),
        ("POST", of_key("/activate"), "[]", "invalid_body"),
        (
            "POST",
            of_key("/revoke"),
            r#"{"reasn":"canary"}"#,
            "invalid_body",
        ),
        (
            "POST",
            of_key("/revoke"),
            r#"{"reason":""}"#,
            "invalid_reason",
        ),
        (
            "POST",
            of_key("/revoke"),
            r#"{"reason":"canary\n"}"#,
            "invalid_reason",
        ),
        (
            "POST",
            of_key("/rotate"),
            r#"{"grace_seconds":-1}"#,
            "invalid_body",
        ),
        (
            "POST",
            of_key("/rotate"),
            r#"{"grace_seconds":1.5}"#,
            "invalid_body",
        ),
        (
            "POST",
            of_key("/rotate"),
            r#"{"grace_seconds":1e400}"#,
            "malformed_json",
        ),
        (
            "POST",
            of_key("/rotate"),
            r#"{"grace_seconds":18446744073709551615}"#,
            "out_of_range",
        ),
        (
            "POST",
            of_key("/rotate"),
            r#"{"compromised":"canary"}"#,
            "invalid_body",
        ),
        (
            "POST",
            of_key("/rotate"),
            r#"{"compromised":true,"grace_seconds":0}"#,
            "invalid_body",
        ),
        ("PUT", of_key("/scopes"), r#"["canary"]"#, "invalid_body"),
        ("PUT", of_key("/scopes"), "", "malformed_json"),
        (
            "POST",
            "/users".to_owned(),
            r#"{"name":"B d","password":"canary","scopes":[]}"#,
            "invalid_name",
        ),
        (
            "POST",
            "/users".to_owned(),
            r#"{"name":"bob","password":7,"scopes":[]}"#,
            "invalid_body",
        ),
        (
            "POST",
            "/users".to_owned(),
            r#"{"name":"bob","password":"","scopes":[]}"#,
            "invalid_password",
        ),
        (
            "POST",
            of_user("/password"),
            r#"{"password":["canary"]}"#,
            "invalid_body",
        ),
        (
            "POST",
            of_user("/password"),
            r#"{"passwort":"canary"}"#,
            "invalid_body",
        ),
        (
            "POST",
            of_user("/password"),
            r#"{"password":"canary\u0000"}"#,
            "invalid_password",
        ),
        (
            "POST",
            of_user("/password"),
            r#"{"password":"canary\ud800"}"#,
            "malformed_json",
        ),
        (
            "POST",
            "/accounts".to_owned(),
            r#"{"name":"canary\t"}"#,
            "invalid_name",
        ),
        (
            "POST",
            "/accounts".to_owned(),
            r#"{"name":"canary\u2028"}"#,
            "invalid_name",
        ),
        (
            "POST",
            "/environments".to_owned(),
            r#"{"name":"\ufeffcanary","kind":"sandbox"}"#,
            "invalid_name",
        ),
        (
            "POST",
            "/environments".to_owned(),
            r#"{"name":"e","kind":"canary"}"#,
            "invalid_body",
        ),
        (
            "POST",
            "/environments".to_owned(),
            r#"{"name":"e"}"#,
            "invalid_body",
        ),
        (
            "POST",
            "/signing-keys/rotate".to_owned(),
            r#"{"algorithm":"canary"}"#,
            "invalid_algorithm",
        ),
        (
            "POST",
            "/signing-keys/rotate".to_owned(),
            r#"{"algorithm":"none"}"#,
            "invalid_algorithm",
        ),
        (
            "POST",
            "/signing-keys/rotate".to_owned(),
            r#"{"lead_seconds":99999999}"#,
            "out_of_range",
        ),
        (
            "POST",
            "/tokens/revoke".to_owned(),
            r#"{"token":7}"#,
            "invalid_body",
        ),
        (
            "POST",
            "/tokens/revoke".to_owned(),
            r#"{"token":"canary\n"}"#,
            "invalid_token",
        ),
    ] {
        assert_rejected(&fixture, method, &path, body, code);
    }
    assert_eq!(fixture.get("/keys")["keys"].as_array().unwrap().len(), 2);
    assert_eq!(fixture.get("/keys")["keys"][1]["status"], "active");
    assert_eq!(fixture.get("/users")["users"].as_array().unwrap().len(), 1);
    assert_eq!(
        fixture.get("/audit")["records"].as_array().unwrap().len(),
        4
    );
    let (_, log) = fixture.server.stop();
    assert!(!log.contains("canary"), "{log}");
}

#[track_caller]
fn assert_rejected(fixture: &Fixture, method: &str, path: &str, body: &str, code: &str) {
    let headers = [api_key(&fixture.operator)];
    let rejected = fixture
        .server
        .send(method, &format!("/admin/v1{path}"), &headers, body);
    assert_eq!(rejected.status, 400, "{method} {path} {body}: {rejected:?}");
    assert_eq!(
        rejected.json()["code"],
        code,
        "{method} {path} {body}: {rejected:?}"
    );
    assert_problem(&rejected, 400, code);
    assert!(!rejected.body.contains("canary"), "{body}: {rejected:?}");
    assert!(!rejected.body.contains("999999"), "{body}: {rejected:?}");
}

#[test]
fn optional_member_that_is_null_counts_as_absent() {
    let fixture = Fixture::open();
    let key = json!({
        "name": "a", "scopes": ["a"], "account_id": null, "environment_id": null, "expires_at": null,
        "allow_from": null, "issuers": null,
    });
    let id = text(&fixture.create("/keys", &key), "id");
    let user = json!({
        "name": "ada", "password": "p", "scopes": ["a"], "account_id": null, "environment_id": null,
        "issuers": null,
    });
    fixture.create("/users", &user);
    let environment = json!({ "name": "e", "kind": "sandbox", "account_id": null });
    fixture.create("/environments", &environment);
    let rotation = json!({ "grace_seconds": null, "compromised": null });
    fixture.post(&format!("/keys/{id}/rotate"), &rotation);
    fixture.post(&format!("/keys/{id}/revoke"), &json!({ "reason": null }));
    let rotation = json!({ "algorithm": null, "lead_seconds": null, "issuer": null });
    fixture.post("/signing-keys/rotate", &rotation);
}
