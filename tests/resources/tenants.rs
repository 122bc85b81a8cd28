//! Who may do what, to whose tokens.

use countersign::registry::Change;
use http::{Method, Request};
use http_body_util::channel::Channel;
use hyper::body::Bytes;
use serde_json::json;
use tower::ServiceExt as _;

use crate::fixture::{Managed, TOKENS, World, foreign_token};
use crate::response::Answer;

/// An id that nobody has.
const ABSENT: &str = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm";

#[tokio::test]
async fn another_accounts_token_is_as_if_it_were_not_there() {
    let world = World::new().await;
    let token = world.token().await;
    let stranger = world.stranger("api_token:* token:introspect").await;
    let headers = [("x-api-key", &*stranger.key)];
    for (method, action) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, "/suspend"),
        (Method::POST, "/activate"),
        (Method::POST, "/revoke"),
    ] {
        let ask = async |id: &str| {
            let path = format!("{TOKENS}/{id}{action}");
            let mut answer = world.send(method.clone(), &path, &headers, "").await;
            answer.headers.remove("x-request-id");
            (answer.status, answer.headers, answer.body)
        };
        let (theirs, absent) = (ask(&token.id).await, ask(ABSENT).await);
        assert_eq!(theirs, absent, "{method} {action}");
        assert_eq!(
            theirs.2,
            r#"{"status":"error","code":"not_found","message":"there is no such token"}"#
        );
    }
    let listed = world.send(Method::GET, TOKENS, &headers, "").await.ok();
    assert_eq!(listed.json()["summaries"], json!([]));
    assert!(world.lets_in(&token.token).await);
}

#[tokio::test]
async fn other_credentials_of_the_account_are_no_tokens() {
    let world = World::new().await;
    for id in [world.admin.id, world.admin.account, world.sandbox.id] {
        for (method, action) in [
            (Method::GET, ""),
            (Method::POST, "/revoke"),
            (Method::DELETE, ""),
        ] {
            let answer = world.act(method, &format!("{id}{action}")).await;
            assert_eq!(answer.code(), (404, "not_found".into()));
        }
    }
    world.token().await;
}

#[tokio::test]
async fn a_forged_id_is_no_tokens() {
    let world = World::new().await;
    let upper = world.token().await.id.to_uppercase();
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
            let answer = world.act(method, &format!("{id}{action}")).await;
            assert_eq!(answer.code(), (404, "not_found".into()), "{id}");
        }
    }
}

#[tokio::test]
async fn reading_and_changing_take_their_scopes_from_keys_and_bearers_alike() {
    let world = World::new().await;
    for (scopes, reads, changes) in [
        ("api_token:read", true, false),
        ("api_token:write", true, true),
        ("api_token:*", true, true),
        ("calls:read", false, false),
    ] {
        let key = world.key(scopes).await;
        let token = world.token().await;
        let bearer = format!("Bearer {}", world.access_token(&key).await);
        for headers in [("x-api-key", &key.key), ("authorization", &bearer)] {
            let headers = [(headers.0, &**headers.1)];
            let id = &token.id;
            for (method, path, allowed) in [
                (Method::GET, TOKENS.to_owned(), reads),
                (Method::GET, format!("{TOKENS}/{id}"), reads),
                (Method::POST, format!("{TOKENS}/{id}/suspend"), changes),
                (Method::POST, format!("{TOKENS}/{id}/activate"), changes),
            ] {
                let answer = world.send(method.clone(), &path, &headers, "").await;
                let wanted = if allowed { 200 } else { 403 };
                assert_eq!(answer.status.as_u16(), wanted, "{scopes} {method} {path}");
                if !allowed {
                    assert_eq!(answer.json()["code"], "not_permitted");
                    // RFC 6750 §3.1, to bearers alone.
                    let told = answer.challenges().join("").contains("insufficient_scope");
                    assert_eq!(told, headers[0].0 == "authorization");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_managed_token_manages_and_a_narrow_one_does_not() {
    let world = World::new().await;
    let manager = world.token().await;
    let body = json!({"token_scope": "account", "scopes": ["calls:read"]});
    let narrow = Managed::of(&world.create(body).await.ok());
    let suspend = format!("{TOKENS}/{}/suspend", narrow.id);
    let bearer = narrow.bearer();
    let refused = world
        .send(Method::POST, &suspend, &[("authorization", &bearer)], "")
        .await;
    assert_eq!(refused.code(), (403, "not_permitted".into()));
    let bearer = manager.bearer();
    world
        .send(Method::POST, &suspend, &[("authorization", &bearer)], "")
        .await
        .ok();
    assert!(!world.lets_in(&narrow.token).await);
}

#[tokio::test]
async fn no_bearer_creates_whatever_it_holds() {
    let world = World::new().await;
    let body = json!({"token_scope": "account"});
    let minted = format!("Bearer {}", world.access_token(&world.admin).await);
    let session = format!("Bearer {}", world.log_in(&world.admin, None).await);
    let managed = world.token().await.bearer();
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
        let beside = [("authorization", bearer), ("x-api-key", &*world.admin.key)];
        for headers in [&alone[..], &beside[..]] {
            let refused = world.create_by(headers, body.clone()).await;
            assert_eq!(
                refused.said(),
                (
                    403,
                    r#"{"status":"error","code":"not_permitted","message":"a bearer token cannot be used to get another token"}"#
                )
            );
        }
    }
    assert_eq!(
        world.act(Method::GET, "").await.json()["pagination"]["item_count"],
        1
    );
}

#[tokio::test]
async fn a_foreign_issuers_bearer_belongs_to_no_account() {
    let world = World::new().await;
    let token = foreign_token();
    assert!(world.lets_in(&token).await);
    let bearer = format!("Bearer {token}");
    let refused = world
        .send(Method::GET, TOKENS, &[("authorization", &bearer)], "")
        .await;
    assert_eq!(refused.code(), (403, "not_permitted".into()));
}

#[tokio::test]
async fn what_a_caller_asked_for_is_not_done_once_its_credential_is_revoked() {
    let world = World::new().await;
    let token = world.token().await;
    let key = world.key("api_token:*").await;
    for (path, begin, end) in [
        (format!("/{}/revoke", token.id), "{", "}"),
        ("/".to_owned(), "{", r#""token_scope":"account"}"#),
    ] {
        let key = world.key("api_token:*").await;
        let (mut sender, body_under_way) = Channel::<Bytes>::new(1);
        let request = Request::post(path)
            .header("x-api-key", &key.key)
            .body(body_under_way)
            .unwrap();
        let answer = tokio::spawn(world.managed.clone().oneshot(request));
        sender.send_data(begin.into()).await.unwrap();
        // There is room for it once the beginning is being read: the caller has been judged then.
        sender.send_data(end.into()).await.unwrap();
        let revoke = Change::Revoke { reason: None };
        world.change(key.id, revoke).await;
        drop(sender);
        let answer = Answer::of(answer.await.unwrap().unwrap()).await;
        assert_eq!(answer.code(), (401, "bad_authtoken".into()));
        assert!(!answer.challenges().is_empty());
    }
    assert!(world.lets_in(&token.token).await);
    let listed = world
        .send(Method::GET, TOKENS, &[("x-api-key", &key.key)], "")
        .await;
    assert_eq!(listed.json()["pagination"]["item_count"], 1);
}
