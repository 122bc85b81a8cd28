//! Scopes and lifetimes: a request for more than the credential has is an error, and nothing is dropped silently.

use std::time::Duration;

use countersign::registry::NewKey;
use serde_json::{Value, json};

use crate::expected_responses::error;
use crate::fixture::{Fixture, GRANT, KEY_SCOPES, NOW, Presented, WireKind, claims};

/// Requests these scopes; returns the `errors` of the response.
async fn entries(fixture: &Fixture, scope: &Value) -> Value {
    let body = json!({"scope": scope}).to_string();
    let response = fixture.post_with_key(WireKind::Scoped, body).await;
    assert_eq!(response.status, 400, "{scope}");
    let body = response.json();
    assert_eq!(body["message"], "Invalid payload or unsupported scope");
    body["errors"].clone()
}

#[tokio::test]
async fn scoped_requires_a_list_of_at_least_one_scope() {
    let fixture = Fixture::new().await;
    let list = "scope must be a list of strings";
    let string = "a scope must be a string";
    for (scope, value, message) in [
        (json!(null), None, "scope is missing"),
        (
            json!([]),
            Some(json!([])),
            "scope must name one scope at least",
        ),
        (json!("calls:read"), Some(json!("calls:read")), list),
        (json!(7), Some(json!(7)), list),
        (
            json!({"secret": "canary", "a": 1}),
            Some(json!({"secret": "[redacted]", "a": 1})),
            list,
        ),
        (json!([7]), Some(json!(7)), string),
        (json!([["a"]]), Some(json!(["a"])), string),
        (json!([""]), Some(json!("")), "a scope has no empty segment"),
        (
            json!(["calls:read", "a b"]),
            Some(json!("a b")),
            "a scope's segments are made of A-Z a-z 0-9 _ . -",
        ),
        (
            json!(["a*"]),
            Some(json!("a*")),
            "`*` in a scope stands for a whole segment",
        ),
    ] {
        let mut entry = json!({"field": "scope", "message": message});
        if let Some(value) = value {
            entry["rejectedValue"] = value;
        }
        assert_eq!(entries(&fixture, &scope).await, json!([entry]), "{scope}");
    }
}

#[tokio::test]
async fn each_invalid_scope_has_one_entry_even_if_it_is_repeated() {
    let fixture = Fixture::new().await;
    let malformed = entries(&fixture, &json!(["a b", 7, "a b", "calls:read", "ä"])).await;
    let rejected = |entries: &Value| -> Vec<Value> {
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|entry| entry["rejectedValue"].clone())
            .collect()
    };
    assert_eq!(rejected(&malformed), [json!("a b"), json!(7), json!("ä")]);
    // The key holds `wallet:pay`, but the catalogue does not contain it; `calls:write` is in the catalogue, but the key
    // does not hold it; `calls:*` is wider than the key's scopes.
    let unsupported = json!([
        "wallet:pay",
        "calls:read",
        "calls:write",
        "nothing:read",
        "calls:*"
    ]);
    let unsupported = entries(&fixture, &unsupported).await;
    assert_eq!(
        rejected(&unsupported),
        ["wallet:pay", "calls:write", "nothing:read", "calls:*"].map(Value::from)
    );
    let many: Vec<_> = (0..2000).map(|i| format!("!{i}")).collect();
    let many = entries(&fixture, &json!(many)).await;
    assert_eq!(
        rejected(&many).len(),
        256,
        "at most as many as a token can have"
    );
    let too_many: Vec<_> = (0..257).map(|i| format!("a:{i}")).collect();
    let too_many = entries(&fixture, &json!(too_many)).await;
    assert_eq!(
        too_many,
        json!([{"field": "scope", "message": "at most 256 scopes of 4096 bytes together can be named"}])
    );
}

#[tokio::test]
async fn repeated_scope_is_granted_once() {
    let fixture = Fixture::new().await;
    let body = r#"{"scope":["calls:read","calls:read"]}"#;
    let scoped = fixture.post_with_key(WireKind::Scoped, body).await;
    let form = format!("{GRANT}&scope=calls:read+calls:read");
    let oauth = fixture.post_with_key(WireKind::OAuth, form).await;
    for response in [scoped, oauth] {
        assert_eq!(claims(response.token())["scope"], "calls:read");
    }
}

#[tokio::test]
async fn narrower_scope_is_granted_to_a_key_with_a_wider_one() {
    let fixture = Fixture::new().await;
    let key = fixture.create_key_with_scopes("*").await;
    let headers = [("x-api-key", key.issued.key.expose())];
    let body = r#"{"scope":["agents:write"]}"#;
    let response = fixture.post(WireKind::Scoped, &headers, body).await;
    assert_eq!(claims(response.token())["scope"], "agents:write");
}

#[tokio::test]
async fn all_scopes_of_the_key_are_granted_without_a_requested_scope() {
    let fixture = Fixture::new().await;
    for wire in [
        WireKind::Envelope,
        WireKind::KeySecret,
        WireKind::Session,
        WireKind::OAuth,
    ] {
        let response = fixture.send(wire, fixture.valid_request(wire)).await;
        assert_eq!(claims(response.token())["scope"], KEY_SCOPES, "{wire:?}");
    }
}

#[tokio::test]
async fn scope_that_the_client_does_not_hold_is_invalid_scope() {
    let fixture = Fixture::new().await;
    let description =
        "a scope is malformed, not held by the credential, or not in the issuer's catalogue";
    for scope in ["calls:write", "calls:read+calls:write", "a%20b::c", "*"] {
        let form = format!("{GRANT}&scope={scope}");
        let response = fixture.post_with_key(WireKind::OAuth, form).await;
        let expected = error("invalid_scope", description);
        assert_eq!(response.status_and_body(), (400, &*expected), "{scope}");
    }
}

// The token's lifetime is limited to the key's own expiry, and `expires_in` has the limited value.
#[tokio::test]
async fn token_expires_with_its_key_on_every_wire() {
    let fixture = Fixture::new().await;
    let end = NOW.plus(Duration::from_secs(100));
    let new = NewKey::new("brief", KEY_SCOPES.parse().unwrap()).expires_at(end);
    let key = fixture.create(new).await;
    let id = key.record.id.to_string();
    let (text, secret) = (key.issued.key.expose(), key.issued.secret.expose());
    for wire in WireKind::ALL {
        let presented = match wire {
            WireKind::KeySecret => Presented::Pair(&id, secret),
            _ => Presented::Key(text),
        };
        let response = fixture.send_credentials(wire, presented).await.unwrap();
        let body = response.json();
        let expires_in = match wire {
            WireKind::Envelope => &body["data"]["expires_in"],
            WireKind::Scoped => &body["expiresIn"],
            WireKind::Session | WireKind::OAuth => &body["expires_in"],
            WireKind::KeySecret => {
                assert_eq!(body["expiresAt"], "2026-03-15T12:01:40.000Z");
                &json!(100)
            }
        };
        assert_eq!(expires_in, 100, "{wire:?}");
        assert_eq!(claims(response.token())["exp"], end.unix_seconds());
    }
}
