//! Signing keys.

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};
use crate::harness::{Home, api_key, bearer};

fn states(fixture: &Fixture) -> Vec<String> {
    let listed = fixture.get("/signing-keys");
    let keys = listed["signing_keys"].as_array().unwrap();
    keys.iter().map(|key| text(key, "state")).collect()
}

#[test]
fn a_signing_key_is_published_before_it_signs_and_only_one_can_be_pending() {
    let fixture = Fixture::open();
    let created = fixture.post("/signing-keys/rotate", &Value::Null);
    assert_eq!(
        (&created["state"], &created["algorithm"]),
        (&json!("pending"), &json!("EdDSA"))
    );
    assert_eq!(states(&fixture), ["pending", "active"]);
    let jwks = fixture.server.get("/.well-known/jwks.json", &[]);
    assert!(jwks.body.contains(&text(&created, "kid")), "{jwks:?}");
    let again = fixture.send(
        &fixture.operator,
        "POST",
        "/signing-keys/rotate",
        &Value::Null,
    );
    assert_problem(&again, 409, "rotation_pending");
    let mixed = fixture.post(
        &format!("/signing-keys/{}/revoke", text(&created, "kid")),
        &Value::Null,
    );
    assert_eq!(mixed["state"], "revoked");
    let hmac = json!({ "algorithm": "HS256" });
    let mixed = fixture.send(&fixture.operator, "POST", "/signing-keys/rotate", &hmac);
    assert_problem(&mixed, 409, "mixed_algorithms");
}

#[test]
fn after_a_rotation_without_lead_time_the_new_key_signs_and_old_tokens_are_accepted_until_revocation()
 {
    let fixture = Fixture::open();
    let presented = [api_key(&fixture.operator)];
    let old = fixture.server.token(&presented);
    let kid = text(&fixture.get("/signing-keys")["signing_keys"][0], "kid");
    let created = fixture.post(
        "/signing-keys/rotate",
        &json!({ "algorithm": "ES256", "lead_seconds": 0 }),
    );
    assert_eq!(
        (&created["state"], &created["algorithm"]),
        (&json!("active"), &json!("ES256"))
    );
    let new = fixture.server.token(&presented);
    for token in [&old, &new] {
        assert_eq!(fixture.server.status_for(&[bearer(token)]), 200);
    }
    let revoked = fixture.post(&format!("/signing-keys/{kid}/revoke"), &json!({}));
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(fixture.server.status_for(&[bearer(&old)]), 401);
    assert_eq!(fixture.server.status_for(&[bearer(&new)]), 200);

    for kid in ["unknown", "%27%20OR%201=1", "%2e%2e"] {
        let path = format!("/signing-keys/{kid}/revoke");
        let rejected = fixture.send(&fixture.operator, "POST", &path, &Value::Null);
        assert_problem(&rejected, 404, "not_found");
    }
}

#[test]
fn a_signing_key_for_another_algorithm_than_the_configured_one_is_rejected() {
    let home = Home::new();
    let file = home.configure("[issuer.default]\nalgorithm = \"EdDSA\"\n");
    let fixture = Fixture::with(&["--config", &file], home);
    let other = json!({ "algorithm": "ES256" });
    let rejected = fixture.send(&fixture.operator, "POST", "/signing-keys/rotate", &other);
    assert_problem(&rejected, 409, "algorithm_configured");
    assert_eq!(states(&fixture), ["active"]);
    fixture.post("/signing-keys/rotate", &json!({ "algorithm": "EdDSA" }));
    assert_eq!(states(&fixture), ["pending", "active"]);
}
