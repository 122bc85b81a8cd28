//! Changes that the store cannot make.

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};
use crate::harness::api_key;

#[test]
fn changes_that_cannot_be_audited_are_503_and_not_applied_and_authentication_goes_on() {
    let fixture = Fixture::open();
    let key = fixture.key(&["a"]);
    let id = text(&key, "id");
    fixture
        .home
        .query("UPDATE audit_head SET mac = (SELECT digest FROM credentials LIMIT 1)");

    let revoke = format!("/keys/{id}/revoke");
    let rotate = format!("/keys/{id}/rotate");
    let new = json!({ "name": "x", "scopes": [] });
    for (path, body) in [
        ("/keys", &new),
        (&*revoke, &Value::Null),
        (&*rotate, &Value::Null),
        ("/signing-keys/rotate", &Value::Null),
        ("/accounts", &json!({ "name": "x" })),
    ] {
        let rejected = fixture.send(&fixture.operator, "POST", path, body);
        assert_problem(&rejected, 503, "unavailable");
        assert_eq!(rejected.header("retry-after"), Some("1"), "{rejected:?}");
    }
    assert_eq!(fixture.whoami(&text(&key, "key")), 200);
    assert_eq!(
        fixture.server.mint(&[api_key(&text(&key, "key"))]).status,
        200
    );
    assert_eq!(fixture.get("/keys")["keys"].as_array().unwrap().len(), 2);
    let verified = fixture.get("/audit/verify");
    assert_eq!(verified["intact"], false, "{verified}");
    fixture
        .server
        .wait_for_log("the operation was not acknowledged");
}
