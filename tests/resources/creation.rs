//! Creating managed tokens: which bodies are valid, and what the token gets.

use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;
use countersign::registry::{NewUser, Owner, Registry as _};
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{Fixture, ManagedToken, TOKENS, claims};

/// Creates a token as the administrator; returns the errors of the response.
async fn errors(fixture: &Fixture, body: Value) -> Value {
    let rejected = fixture.create(body.clone()).await;
    assert_eq!(rejected.code(), (422, "validation_errors".into()), "{body}");
    rejected.json()["errors"].clone()
}

#[tokio::test]
async fn creation_is_rejected_when_a_member_is_invalid() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.sandbox.id.to_string();
    let text = "must be a string";
    let id = "must be an id";
    let date = "must be a date and time in RFC 3339";
    let future = "must be in the future";
    let far = "must be at most 365 days ahead";
    let scope = "must be account or environment";
    let list = "must be a list of strings";
    for (member, value, message) in [
        ("account_id", json!(1), text),
        ("account_id", json!("acme"), id),
        ("account_id", json!(""), id),
        ("expires_at", json!(1_780_272_000), text),
        ("expires_at", json!("tomorrow"), date),
        ("expires_at", json!("2026-06-01"), date),
        ("expires_at", json!("2026-06-01T00:00:00"), date),
        ("expires_at", json!("2026-03-15T12:00:00Z"), future),
        ("expires_at", json!("2026-03-15T12:00:00.999Z"), future),
        ("expires_at", json!("2026-03-15T06:59:59-05:00"), future),
        ("expires_at", json!("0001-01-01T00:00:00Z"), future),
        ("expires_at", json!("2027-03-15T12:00:01Z"), far),
        ("expires_at", json!("9999-12-31T23:59:59Z"), far),
        ("token_scope", json!("Account"), scope),
        ("token_scope", json!(["account"]), scope),
        ("token_scope", Value::Null, "is required"),
        (
            "environment_id",
            json!(sandbox),
            "must be null where token_scope is account",
        ),
        ("scopes", json!("calls:read"), list),
        ("scopes", json!(["calls:read", 7]), list),
        ("scopes", json!(["calls read"]), "must be a list of scopes"),
        ("scopes", json!([]), "must name one scope at least"),
        (
            "scopes",
            json!(["calls:write"]),
            "the creator does not hold calls:write",
        ),
        ("scopes", json!(["*"]), "the creator does not hold *"),
        (
            "scopes",
            json!(["calls:read", "calls:*"]),
            "the creator does not hold calls:*",
        ),
        ("idempotency_key", json!(7), text),
        (
            "idempotency_key",
            json!(""),
            "must be 1 to 255 visible ASCII characters",
        ),
        (
            "idempotency_key",
            json!("a b"),
            "must be 1 to 255 visible ASCII characters",
        ),
        (
            "idempotency_key",
            json!("k".repeat(256)),
            "must be 1 to 255 visible ASCII characters",
        ),
        ("details", json!([]), "must be an object"),
    ] {
        let mut body = json!({"token_scope": "account"});
        body[member] = value.clone();
        assert_eq!(
            errors(&fixture, body).await,
            json!({member: [message]}),
            "{member} {value}"
        );
    }
    let tokens = fixture.send_as_admin(Method::GET, "").await.json();
    assert_eq!(tokens["pagination"]["item_count"], 0);
}

#[tokio::test]
async fn all_invalid_members_are_reported_at_once() {
    let fixture = Fixture::new().await;
    let body = json!({
        "account_id": "acme",
        "expires_at": "never",
        "token_scope": "environment",
        "scopes": ["a", "b"],
    });
    assert_eq!(
        errors(&fixture, json!({"details": body})).await,
        json!({
            "account_id": ["must be an id"],
            "environment_id": ["is required where token_scope is environment"],
            "expires_at": ["must be a date and time in RFC 3339"],
            "scopes": ["the creator does not hold a", "the creator does not hold b"],
        })
    );
}

#[tokio::test]
async fn creation_is_rejected_when_the_body_is_not_a_json_object_with_unique_members() {
    let fixture = Fixture::new().await;
    let headers = [("x-api-key", &*fixture.admin.key)];
    for (body, message) in [
        (&b""[..], "the body is not JSON"),
        (b"[]", "the body must be a JSON object"),
        (b"{} {}", "the body is not JSON"),
        (b"{\"a\":\"\xff\"}", "the body is not UTF-8"),
        (
            br#"{"token_scope":"account","token_scope":"account"}"#,
            "the body has a member twice, or one whose name is not Unicode",
        ),
        (
            br#"{"details":{"scopes":[],"scopes":null}}"#,
            "the body has a member twice, or one whose name is not Unicode",
        ),
    ] {
        let rejected = fixture.send(Method::POST, TOKENS, &headers, body).await;
        let expected = json!({"status": "error", "code": "bad_request", "message": message});
        assert_eq!((rejected.status.as_u16(), rejected.json()), (400, expected));
    }
}

#[tokio::test]
async fn bare_and_wrapped_bodies_are_equivalent_and_unknown_members_are_ignored() {
    let fixture = Fixture::new().await;
    let bare = json!({"token_scope": "account", "expires_at": "2026-04-01T00:00:00Z", "name": "x"});
    let wrapped = json!({"details": bare, "token_scope": "ignored"});
    for body in [bare, wrapped] {
        let token = ManagedToken::from_response(&fixture.create(body).await.ok());
        assert_eq!(token.details["expires_at"], "2026-04-01T00:00:00Z");
        assert_eq!(token.details["token_scope"], "account");
    }
}

#[tokio::test]
async fn null_and_absent_members_have_their_default() {
    let fixture = Fixture::new().await;
    let absent = json!({"token_scope": "account"});
    let null = json!({
        "token_scope": "account", "account_id": null, "environment_id": null, "expires_at": null,
        "scopes": null, "idempotency_key": null, "details": null,
    });
    for body in [absent, null] {
        let token = ManagedToken::from_response(&fixture.create(body).await.ok());
        // 90 days.
        assert_eq!(token.details["expires_at"], "2026-06-13T12:00:00Z");
        assert_eq!(
            token.details["account_id"],
            fixture.admin.account.to_string()
        );
        assert_eq!(
            claims(&token.token)["scope"],
            "api_token:* calls:read wallet:*"
        );
    }
}

#[tokio::test]
async fn the_token_has_the_requested_scopes_and_the_longest_allowed_lifetime() {
    let fixture = Fixture::new().await;
    let body = json!({
        "token_scope": "account",
        "scopes": ["wallet:pay", "calls:read", "wallet:pay"],
        "expires_at": "2027-03-15T13:00:00.750+01:00",
    });
    let token = ManagedToken::from_response(&fixture.create(body).await.ok());
    assert_eq!(claims(&token.token)["scope"], "wallet:pay calls:read");
    assert_eq!(token.details["expires_at"], "2027-03-15T12:00:00Z");
    assert!(fixture.accepts(&token.token).await);
}

#[tokio::test]
async fn creating_requires_the_scope_api_token_write() {
    let fixture = Fixture::new().await;
    for (scopes, expected) in [
        ("api_token:write", 200),
        ("api_token:*", 200),
        ("*", 200),
        ("api_token:read", 403),
        ("calls:read", 403),
        ("api_token:write:all", 403),
    ] {
        let key = fixture.key(scopes).await;
        for headers in [
            ("x-api-key", key.key.clone()),
            ("authorization", key.basic()),
        ] {
            let headers = [(headers.0, &*headers.1)];
            let response = fixture
                .create_by(&headers, json!({"token_scope": "account"}))
                .await;
            assert_eq!(response.status.as_u16(), expected, "{scopes}");
            if expected == 403 {
                assert_eq!(
                    response.body,
                    r#"{"status":"error","code":"not_permitted","message":"the credentials lack the scope api_token:write"}"#
                );
            }
        }
    }
}

#[tokio::test]
async fn the_record_names_the_creating_credential_and_a_user_also_as_such() {
    let fixture = Fixture::new().await;
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    let hash = hasher.hash("correct horse").unwrap();
    let owner = Owner {
        account: Some(fixture.admin.account),
        environment: None,
    };
    let scopes = "api_token:*".parse().unwrap();
    let new = NewUser::new("alice".parse().unwrap(), hash, scopes).owner(owner);
    let operator = countersign::registry::Caller::operator("test");
    let alice = fixture.registry.create_user(&operator, new).await.unwrap();

    let resource = fixture.resource_with_passwords(hasher);
    let created = fixture
        .send_to_resource(
            &resource,
            Method::POST,
            ("authorization", "Basic YWxpY2U6Y29ycmVjdCBob3JzZQ=="),
        )
        .await;
    let details = created.ok().json()["details"].clone();
    assert_eq!(details["created_by_admin_user_id"], alice.id.to_string());
    assert_eq!(details["created_by_credential_id"], alice.id.to_string());

    let token = fixture.token().await;
    assert_eq!(token.details["created_by_admin_user_id"], Value::Null);
    let admin = fixture.admin.id.to_string();
    assert_eq!(token.details["created_by_credential_id"], admin);
}

#[tokio::test]
async fn the_token_is_revoked_with_its_creator_and_not_suspended_with_it() {
    use countersign::registry::{Caller, Change, Registry as _, Rotation};
    let fixture = Fixture::new().await;
    let other = fixture.token().await;
    for ended in ["revoked", "compromised"] {
        let key = fixture.key("api_token:*").await;
        let headers = [("x-api-key", &*key.key)];
        let body = json!({"token_scope": "account"});
        let token = fixture.create_by(&headers, body).await.ok();
        let token = ManagedToken::from_response(&token);
        for kept in [
            Rotation::CompromisedKeepingTokens,
            Rotation::Grace(std::time::Duration::ZERO),
        ] {
            let operator = Caller::operator("test");
            fixture
                .registry
                .rotate(&operator, key.id, kept)
                .await
                .unwrap();
            assert!(fixture.accepts(&token.token).await, "{kept:?}");
        }
        fixture.change(key.id, Change::Suspend).await;
        assert!(fixture.accepts(&token.token).await);
        let fewer = Change::Scopes("api_token:read".parse().unwrap());
        fixture.change(key.id, fewer).await;
        assert!(fixture.accepts(&token.token).await);

        if ended == "revoked" {
            fixture
                .change(key.id, Change::Revoke { reason: None })
                .await;
        } else {
            let operator = Caller::operator("test");
            let rotated = fixture
                .registry
                .rotate(&operator, key.id, Rotation::Compromised);
            rotated.await.unwrap();
        }
        assert!(!fixture.accepts(&token.token).await, "{ended}");
        let shown = fixture.send_as_admin(Method::GET, &token.id).await.json();
        assert_eq!(shown["details"]["status"], "revoked", "{ended}");
    }
    assert!(fixture.accepts(&other.token).await);
}

#[tokio::test]
async fn secrets_in_invalid_members_are_not_repeated_in_the_response() {
    let fixture = Fixture::new().await;
    let access = fixture.access_token(&fixture.admin).await;
    for secret in [&fixture.admin.key, &fixture.admin.secret, &access] {
        let body = json!({"token_scope": "account", "scopes": [secret]});
        let response = fixture.create(body).await;
        assert_eq!(response.status, 422);
        assert!(!response.body.contains(&secret[..20]), "{}", response.body);
    }
}
