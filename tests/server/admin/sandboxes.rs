//! Administrators whose keys belong to a sandbox.

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};

#[test]
fn an_administrator_of_a_sandbox_changes_that_sandbox_only() {
    let fixture = Fixture::open();
    let production = fixture.get("/environments");
    let production = text(&production["environments"][0], "id");
    let sandbox = json!({ "name": "try", "kind": "sandbox" });
    let sandbox = text(&fixture.create("/environments", &sandbox), "id");
    let admin = json!({ "name": "admin", "scopes": ["*"], "environment_id": sandbox });
    let admin = text(&fixture.create("/keys", &admin), "key");
    let send = |path: &str, body: Value| fixture.send(&admin, "POST", path, &body);

    let created = send("/keys", json!({ "name": "k", "scopes": ["a:b"] }));
    assert_eq!(created.json()["environment_id"], json!(sandbox));
    let of_production = fixture.key(&["a:b"]);
    let of_production = format!("/keys/{}", text(&of_production, "id"));
    let key = json!({ "name": "k", "scopes": ["a:b"], "environment_id": production });
    let environment = json!({ "name": "c", "kind": "production" });
    for (path, body) in [
        ("/keys", key),
        ("/environments", environment),
        (&*format!("{of_production}/rotate"), json!({})),
    ] {
        assert_problem(&send(path, body), 403, "environment_not_held");
    }
    let server = send("/signing-keys/rotate", json!({}));
    assert_problem(&server, 403, "default_account_required");
    // It may take access away.
    let suspended = send(&format!("{of_production}/suspend"), json!({}));
    assert_eq!(suspended.status, 200, "{suspended:?}");
    let activated = send(&format!("{of_production}/activate"), json!({}));
    assert_problem(&activated, 403, "environment_not_held");
}
