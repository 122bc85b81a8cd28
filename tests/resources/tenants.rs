//! Which callers can read and change which tokens.

use http::Method;
use serde_json::json;

use crate::fixture::{Fixture, ManagedToken, TOKENS, external_token};

/// A well-formed id that does not exist.
const ABSENT: &str = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm";

#[tokio::test]
async fn the_token_of_another_account_is_not_found() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    let stranger = fixture
        .key_of_another_account("api_token:* token:introspect")
        .await;
    let headers = [("x-api-key", &*stranger.key)];
    for (method, action) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, "/suspend"),
        (Method::POST, "/activate"),
        (Method::POST, "/revoke"),
    ] {
        let send = async |id: &str| {
            let path = format!("{TOKENS}/{id}{action}");
            let mut response = fixture.send(method.clone(), &path, &headers, "").await;
            response.headers.remove("x-request-id");
            (response.status, response.headers, response.body)
        };
        let (other, absent) = (send(&token.id).await, send(ABSENT).await);
        assert_eq!(other, absent, "{method} {action}");
        assert_eq!(
            other.2,
            r#"{"status":"error","code":"not_found","message":"the account has no such token"}"#
        );
    }
    let listed = fixture.send(Method::GET, TOKENS, &headers, "").await.ok();
    assert_eq!(listed.json()["summaries"], json!([]));
    assert!(fixture.accepts(&token.token).await);
}

#[tokio::test]
async fn ids_of_keys_accounts_and_environments_are_not_found_as_tokens() {
    let fixture = Fixture::new().await;
    for id in [fixture.admin.id, fixture.admin.account, fixture.sandbox.id] {
        for (method, action) in [
            (Method::GET, ""),
            (Method::POST, "/revoke"),
            (Method::DELETE, ""),
        ] {
            let response = fixture
                .send_as_admin(method, &format!("{id}{action}"))
                .await;
            assert_eq!(response.code(), (404, "not_found".into()));
        }
    }
    fixture.token().await;
}

#[tokio::test]
async fn malformed_and_unknown_ids_are_not_found() {
    let fixture = Fixture::new().await;
    let upper = fixture.token().await.id.to_uppercase();
    for id in [
        &*upper,
        "x",
        "..",
        "%2e%2e",
        "%00",
        "1%20or%201",
        "0",
        ABSENT,
    ] {
        for (method, action) in [
            (Method::GET, ""),
            (Method::POST, "/suspend"),
            (Method::DELETE, ""),
        ] {
            let response = fixture
                .send_as_admin(method, &format!("{id}{action}"))
                .await;
            assert_eq!(response.code(), (404, "not_found".into()), "{id}");
        }
    }
}

#[tokio::test]
async fn reading_and_changing_require_their_scopes_from_keys_and_bearers() {
    let fixture = Fixture::new().await;
    for (scopes, reads, changes) in [
        ("api_token:read", true, false),
        ("api_token:write", true, true),
        ("api_token:*", true, true),
        ("calls:read", false, false),
    ] {
        let key = fixture.key(scopes).await;
        // Activating a token requires that the caller holds its scopes.
        let body = json!({"token_scope": "account", "scopes": ["api_token:write"]});
        let token = ManagedToken::from_response(&fixture.create(body).await.ok());
        let bearer = format!("Bearer {}", fixture.access_token(&key).await);
        for headers in [("x-api-key", &key.key), ("authorization", &bearer)] {
            let headers = [(headers.0, &**headers.1)];
            let id = &token.id;
            for (method, path, allowed) in [
                (Method::GET, TOKENS.to_owned(), reads),
                (Method::GET, format!("{TOKENS}/{id}"), reads),
                (Method::POST, format!("{TOKENS}/{id}/suspend"), changes),
                (Method::POST, format!("{TOKENS}/{id}/activate"), changes),
            ] {
                let response = fixture.send(method.clone(), &path, &headers, "").await;
                let expected = if allowed { 200 } else { 403 };
                assert_eq!(
                    response.status.as_u16(),
                    expected,
                    "{scopes} {method} {path}"
                );
                if !allowed {
                    assert_eq!(response.json()["code"], "not_permitted");
                    // RFC 6750 §3.1: only bearers get this challenge.
                    let challenged = response
                        .challenges()
                        .join("")
                        .contains("insufficient_scope");
                    assert_eq!(challenged, headers[0].0 == "authorization");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_activated_only_by_callers_that_hold_its_scopes() {
    let fixture = Fixture::new().await;
    let body = json!({"token_scope": "account", "scopes": ["calls:read"]});
    let token = ManagedToken::from_response(&fixture.create(body).await.ok());
    let at = |action: &str| format!("{TOKENS}/{}/{action}", token.id);
    for (scopes, activated) in [
        ("api_token:write", (403, "not_permitted")),
        ("api_token:* calls:write", (403, "not_permitted")),
        ("api_token:write calls:*", (200, "")),
    ] {
        let key = fixture.key(scopes).await;
        let bearer = format!("Bearer {}", fixture.access_token(&key).await);
        for header in [("x-api-key", &*key.key), ("authorization", &bearer)] {
            let send = async |action| {
                let path = at(action);
                fixture.send(Method::POST, &path, &[header], "").await
            };
            send("suspend").await.ok();
            let response = send("activate").await;
            assert_eq!(response.status.as_u16(), activated.0, "{scopes}");
            if activated.0 == 403 {
                assert_eq!(response.json()["code"], activated.1, "{scopes}");
                assert!(!fixture.accepts(&token.token).await);
            } else {
                assert!(fixture.accepts(&token.token).await);
            }
        }
    }
}

#[tokio::test]
async fn a_managed_token_with_the_scope_can_manage_tokens_and_one_without_cannot() {
    let fixture = Fixture::new().await;
    let manager = fixture.token().await;
    let body = json!({"token_scope": "account", "scopes": ["calls:read"]});
    let narrow = ManagedToken::from_response(&fixture.create(body).await.ok());
    let suspend = format!("{TOKENS}/{}/suspend", narrow.id);
    let bearer = narrow.bearer();
    let rejected = fixture
        .send(Method::POST, &suspend, &[("authorization", &bearer)], "")
        .await;
    assert_eq!(rejected.code(), (403, "not_permitted".into()));
    let bearer = manager.bearer();
    fixture
        .send(Method::POST, &suspend, &[("authorization", &bearer)], "")
        .await
        .ok();
    assert!(!fixture.accepts(&narrow.token).await);
}

#[tokio::test]
async fn no_bearer_can_create_a_token_with_any_scopes() {
    let fixture = Fixture::new().await;
    let body = json!({"token_scope": "account"});
    let minted = format!("Bearer {}", fixture.access_token(&fixture.admin).await);
    let session = format!("Bearer {}", fixture.log_in(&fixture.admin, None).await);
    let managed = fixture.token().await.bearer();
    for bearer in [
        &*minted,
        &session,
        &managed,
        "Bearer garbage",
        "Bearer",
        "bearer x",
        "DPoP x",
    ] {
        let alone = [("authorization", bearer)];
        let beside = [
            ("authorization", bearer),
            ("x-api-key", &*fixture.admin.key),
        ];
        for headers in [&alone[..], &beside[..]] {
            let rejected = fixture.create_by(headers, body.clone()).await;
            assert_eq!(
                rejected.status_and_body(),
                (
                    403,
                    r#"{"status":"error","code":"not_permitted","message":"the request has a bearer token in Authorization or in a cookie: remove it, and send an API key or client credentials"}"#
                )
            );
        }
    }
    assert_eq!(
        fixture.send_as_admin(Method::GET, "").await.json()["pagination"]["item_count"],
        1
    );
}

#[tokio::test]
async fn a_bearer_of_an_external_issuer_is_not_permitted() {
    let fixture = Fixture::new().await;
    let token = external_token();
    assert!(fixture.accepts(&token).await);
    let bearer = format!("Bearer {token}");
    let rejected = fixture
        .send(Method::GET, TOKENS, &[("authorization", &bearer)], "")
        .await;
    assert_eq!(rejected.code(), (403, "not_permitted".into()));
}
