//! Scopes and lifetimes: what is asked must be contained in what is held, and nothing is dropped silently.

use std::time::Duration;

use countersign::registry::NewKey;
use serde_json::{Value, json};

use crate::fixture::{Fixture, GRANT, HELD, NOW, Presented, Wired, claims};
use crate::words::error;

/// The entries of `errors` of a request for these scopes.
async fn entries(fixture: &Fixture, scope: &Value) -> Value {
    let body = json!({"scope": scope}).to_string();
    let answer = fixture.with_key(Wired::Scoped, body).await;
    assert_eq!(answer.status, 400, "{scope}");
    let body = answer.json();
    assert_eq!(body["message"], "Invalid payload or unsupported scope");
    body["errors"].clone()
}

// Seed 001: "Invalid payload or unsupported scope".
#[tokio::test]
async fn scoped_takes_a_list_of_one_scope_at_least() {
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
async fn each_bad_scope_is_one_entry_and_one_named_twice_too() {
    let fixture = Fixture::new().await;
    let malformed = entries(&fixture, &json!(["a b", 7, "a b", "calls:read", "ä"])).await;
    let rejected = |entries: &Value| -> Vec<Value> {
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|entry| entry["rejectedValue"].clone())
            .collect()
    };
    assert_eq!(rejected(&malformed), [json!("a b"), json!(7), json!("ä")]);
    // `wallet:pay` is held and not in the catalogue; `calls:write` is in it and not held; `calls:*` reaches further.
    let refused = json!([
        "wallet:pay",
        "calls:read",
        "calls:write",
        "nothing:read",
        "calls:*"
    ]);
    let refused = entries(&fixture, &refused).await;
    assert_eq!(
        rejected(&refused),
        ["wallet:pay", "calls:write", "nothing:read", "calls:*"].map(Value::from)
    );
    let many: Vec<_> = (0..2000).map(|i| format!("!{i}")).collect();
    let many = entries(&fixture, &json!(many)).await;
    assert_eq!(rejected(&many).len(), 256, "no more than a token can have");
    let too_many: Vec<_> = (0..257).map(|i| format!("a:{i}")).collect();
    let too_many = entries(&fixture, &json!(too_many)).await;
    assert_eq!(
        too_many,
        json!([{"field": "scope", "message": "at most 256 scopes of 4096 bytes together can be named"}])
    );
}

#[tokio::test]
async fn scope_named_twice_counts_once() {
    let fixture = Fixture::new().await;
    let body = r#"{"scope":["calls:read","calls:read"]}"#;
    let scoped = fixture.with_key(Wired::Scoped, body).await;
    let form = format!("{GRANT}&scope=calls:read+calls:read");
    let oauth = fixture.with_key(Wired::OAuth, form).await;
    for answer in [scoped, oauth] {
        assert_eq!(claims(answer.token())["scope"], "calls:read");
    }
}

#[tokio::test]
async fn narrower_scope_is_given_to_who_holds_a_wider_one() {
    let fixture = Fixture::new().await;
    let key = fixture.holding("*").await;
    let headers = [("x-api-key", key.issued.key.expose())];
    let body = r#"{"scope":["agents:write"]}"#;
    let answer = fixture.post(Wired::Scoped, &headers, body).await;
    assert_eq!(claims(answer.token())["scope"], "agents:write");
}

#[tokio::test]
async fn all_that_is_held_is_given_where_none_is_asked_for() {
    let fixture = Fixture::new().await;
    for wired in [
        Wired::Envelope,
        Wired::KeySecret,
        Wired::Session,
        Wired::OAuth,
    ] {
        let answer = fixture.send(wired, fixture.good(wired)).await;
        assert_eq!(claims(answer.token())["scope"], HELD, "{wired:?}");
    }
}

#[tokio::test]
async fn scope_that_is_not_held_is_an_error_on_oauth() {
    let fixture = Fixture::new().await;
    let description = "a scope is malformed, or is not one that the client may have";
    for scope in ["calls:write", "calls:read+calls:write", "a%20b::c", "*"] {
        let form = format!("{GRANT}&scope={scope}");
        let answer = fixture.with_key(Wired::OAuth, form).await;
        let expected = error("invalid_scope", description);
        assert_eq!(answer.said(), (400, &*expected), "{scope}");
    }
}

// wires.md: "never beyond the credential's own expiry"; "`expires_in` tells the clamped lifetime".
#[tokio::test]
async fn lifetime_ends_with_the_key_on_every_wire() {
    let fixture = Fixture::new().await;
    let end = NOW.plus(Duration::from_secs(100));
    let new = NewKey::new("brief", HELD.parse().unwrap()).expires_at(end);
    let key = fixture.create(new).await;
    let id = key.record.id.to_string();
    let (text, secret) = (key.issued.key.expose(), key.issued.secret.expose());
    for wired in Wired::ALL {
        let presented = match wired {
            Wired::KeySecret => Presented::Pair(&id, secret),
            _ => Presented::Key(text),
        };
        let answer = fixture.ask(wired, presented).await.unwrap();
        let body = answer.json();
        let told = match wired {
            Wired::Envelope => &body["data"]["expires_in"],
            Wired::Scoped => &body["expiresIn"],
            Wired::Session | Wired::OAuth => &body["expires_in"],
            Wired::KeySecret => {
                assert_eq!(body["expiresAt"], "2026-03-15T12:01:40.000Z");
                &json!(100)
            }
        };
        assert_eq!(told, 100, "{wired:?}");
        assert_eq!(claims(answer.token())["exp"], end.unix_seconds());
    }
}
