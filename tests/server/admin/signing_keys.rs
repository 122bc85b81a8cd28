use serde_json::{Value, json};

use super::{Site, assert_problem, text};
use crate::harness::{Home, api_key, bearer};

fn states(site: &Site) -> Vec<String> {
    let listed = site.get("/signing-keys");
    let keys = listed["signing_keys"].as_array().unwrap();
    keys.iter().map(|key| text(key, "state")).collect()
}

#[test]
fn a_signing_key_is_published_before_it_signs_and_there_is_one_to_come_at_most() {
    let site = Site::open();
    let made = site.post("/signing-keys/rotate", &Value::Null);
    assert_eq!(
        (&made["state"], &made["algorithm"]),
        (&json!("pending"), &json!("EdDSA"))
    );
    assert_eq!(states(&site), ["pending", "active"]);
    let jwks = site.server.get("/.well-known/jwks.json", &[]);
    assert!(jwks.body.contains(&text(&made, "kid")), "{jwks:?}");
    let again = site.ask(&site.operator, "POST", "/signing-keys/rotate", &Value::Null);
    assert_problem(&again, 409, "rotation_pending");
    let mixed = site.post(
        &format!("/signing-keys/{}/revoke", text(&made, "kid")),
        &Value::Null,
    );
    assert_eq!(mixed["state"], "revoked");
    let hmac = json!({ "algorithm": "HS256" });
    let mixed = site.ask(&site.operator, "POST", "/signing-keys/rotate", &hmac);
    assert_problem(&mixed, 409, "mixed_algorithms");
}

#[test]
fn a_rotation_without_lead_signs_at_once_and_old_tokens_live_until_the_key_is_revoked() {
    let site = Site::open();
    let presented = [api_key(&site.operator)];
    let old = site.server.token(&presented);
    let kid = text(&site.get("/signing-keys")["signing_keys"][0], "kid");
    let made = site.post(
        "/signing-keys/rotate",
        &json!({ "algorithm": "ES256", "lead_seconds": 0 }),
    );
    assert_eq!(
        (&made["state"], &made["algorithm"]),
        (&json!("active"), &json!("ES256"))
    );
    let new = site.server.token(&presented);
    for token in [&old, &new] {
        assert_eq!(site.server.status_for(&[bearer(token)]), 200);
    }
    let revoked = site.post(&format!("/signing-keys/{kid}/revoke"), &json!({}));
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(site.server.status_for(&[bearer(&old)]), 401);
    assert_eq!(site.server.status_for(&[bearer(&new)]), 200);

    for kid in ["unknown", "%27%20OR%201=1", "%2e%2e"] {
        let path = format!("/signing-keys/{kid}/revoke");
        let refused = site.ask(&site.operator, "POST", &path, &Value::Null);
        assert_problem(&refused, 404, "not_found");
    }
}

#[test]
fn no_key_is_made_that_the_configuration_would_not_start_with() {
    let home = Home::new();
    let file = home.configure("[issuer.default]\nalgorithm = \"EdDSA\"\n");
    let site = Site::with(&["--config", &file], home);
    let other = json!({ "algorithm": "ES256" });
    let refused = site.ask(&site.operator, "POST", "/signing-keys/rotate", &other);
    assert_problem(&refused, 409, "algorithm_configured");
    assert_eq!(states(&site), ["active"]);
    site.post("/signing-keys/rotate", &json!({ "algorithm": "EdDSA" }));
    assert_eq!(states(&site), ["pending", "active"]);
}
