//! `GET /auth/sessions`, and the end of sessions.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::fixture::{Key, World, claims};
use crate::response::Answer;

const SESSIONS: &str = "/auth/sessions";

async fn list(world: &World, key: &Key) -> Answer {
    world
        .send(Method::GET, SESSIONS, &[("x-api-key", &key.key)], "")
        .await
}

async fn end(world: &World, key: &Key, which: &str) -> Answer {
    let path = format!("{SESSIONS}{which}");
    world
        .send(Method::DELETE, &path, &[("x-api-key", &key.key)], "")
        .await
}

fn sid(token: &str) -> String {
    claims(token)["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn seed_004_sessions_are_listed_to_the_letter_and_of_the_caller_alone() {
    let world = World::new().await;
    assert_eq!(
        list(&world, &world.admin).await.said(),
        (200, r#"{"sessions":[]}"#)
    );
    let unnamed = world.log_in(&world.admin, None).await;
    world.clock.advance(Duration::from_secs(60));
    let named = world.log_in(&world.admin, Some("worker-7")).await;
    let colleague = world.key("calls:read").await;
    world.log_in(&colleague, Some("worker-7")).await;
    let listed = list(&world, &world.admin).await;
    let wanted = format!(
        concat!(
            r#"{{"sessions":[{{"id":"{}","session_id":null,"issued_at":"2026-03-15T12:00:00Z","#,
            r#""expires_at":"2026-03-15T13:00:00Z"}},{{"id":"{}","session_id":"worker-7","#,
            r#""issued_at":"2026-03-15T12:01:00Z","expires_at":"2026-03-15T13:01:00Z"}}]}}"#,
        ),
        sid(&unnamed),
        sid(&named),
    );
    assert_eq!(listed.said(), (200, &*wanted));
    assert_eq!(listed.header("content-type"), Some("application/json"));
    let by_pair = [("authorization", &*world.admin.basic())];
    let by_pair = world.send(Method::GET, SESSIONS, &by_pair, "").await;
    assert_eq!(by_pair.body, wanted);
    world.clock.advance(Duration::from_secs(3540));
    let left = list(&world, &world.admin).await.json();
    assert_eq!(left["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn seed_004_a_session_that_was_ended_is_refused_and_the_next_login_mints_anew() {
    let world = World::new().await;
    for name in [None, Some("worker-7")] {
        let first = world.log_in(&world.admin, name).await;
        assert_eq!(world.log_in(&world.admin, name).await, first);
        let which = match name {
            None => format!("/{}", sid(&first)),
            Some(name) => format!("?session_id={name}"),
        };
        assert_eq!(end(&world, &world.admin, &which).await.said(), (204, ""));
        assert!(!world.lets_in(&first).await);
        let gone = end(&world, &world.admin, &which).await;
        assert_eq!(
            gone.said(),
            (
                404,
                r#"{"error":"not_found","error_description":"there is no such session"}"#
            )
        );
        let next = world.log_in(&world.admin, name).await;
        assert_ne!(next, first);
        assert!(world.lets_in(&next).await);
    }
}

#[tokio::test]
async fn another_credentials_session_is_as_if_it_were_not_there() {
    let world = World::new().await;
    let colleague = world.key("*").await;
    let token = world.log_in(&world.admin, Some("mine")).await;
    let absent = end(&world, &colleague, "/013xrzp12g3nqk8n7f8f9jbg8d18q7tm").await;
    for which in [
        format!("/{}", sid(&token)),
        "?session_id=mine".to_owned(),
        "/no-id".to_owned(),
    ] {
        let refused = end(&world, &colleague, &which).await;
        assert_eq!(refused.said(), (404, &*absent.body), "{which}");
    }
    assert!(world.lets_in(&token).await);
}

#[tokio::test]
async fn a_session_is_named_once_and_by_a_name_that_can_be() {
    let world = World::new().await;
    let token = world
        .log_in(&world.admin, Some("a+b c".replace(' ', "-").as_str()))
        .await;
    for which in [
        "",
        "?session_id=",
        "?session_id=a%20b",
        "?session_id=%ff",
        "?session_id=a&session_id=a",
        &format!("?session_id={}", "a".repeat(129)),
        &format!("/{}?session_id=a%2Bb-c", sid(&token)),
    ] {
        let refused = end(&world, &world.admin, which).await;
        assert_eq!(refused.code(), (400, "invalid_request".into()), "{which}");
    }
    assert!(world.lets_in(&token).await);
    assert_eq!(
        end(&world, &world.admin, "?session_id=a%2Bb-c")
            .await
            .status
            .as_u16(),
        204
    );
}

#[tokio::test]
async fn sessions_take_primary_credentials_in_headers_alone() {
    let world = World::new().await;
    let token = world.log_in(&world.admin, None).await;
    let one = format!("{SESSIONS}/{}", sid(&token));
    let body = json!({"api_key": world.admin.key}).to_string();
    let bearer = format!("Bearer {token}");
    let (key, basic) = (world.admin.key.clone(), world.admin.basic());
    for (method, path) in [
        (Method::GET, SESSIONS),
        (Method::DELETE, &*one),
        (Method::DELETE, SESSIONS),
    ] {
        for (headers, wanted) in [
            (&[][..], (401, "invalid_client")),
            (&[("x-api-key", "cs_nonsense")], (401, "invalid_client")),
            (&[("x-api-key", &token)], (401, "invalid_client")),
            (&[("authorization", &bearer)], (403, "unauthorized_client")),
            (
                &[("authorization", "Bearer garbage"), ("x-api-key", &key)],
                (403, "unauthorized_client"),
            ),
            (
                &[("authorization", &basic), ("x-api-key", &key)],
                (400, "invalid_request"),
            ),
        ] {
            let refused = world
                .send(method.clone(), path, headers, body.clone())
                .await;
            assert_eq!(
                refused.code(),
                (wanted.0, wanted.1.into()),
                "{method} {path} {headers:?}"
            );
        }
    }
    assert!(world.lets_in(&token).await);
}

#[tokio::test]
async fn other_methods_and_paths_of_sessions_are_refused() {
    let world = World::new().await;
    for (method, path, allow) in [
        (Method::POST, SESSIONS, "GET, DELETE"),
        (Method::HEAD, SESSIONS, "GET, DELETE"),
        (Method::GET, "/auth/sessions/x", "DELETE"),
        (Method::POST, "/auth/sessions/x", "DELETE"),
    ] {
        let refused = world.send(method, path, &[], "").await;
        assert_eq!(refused.status.as_u16(), 405);
        assert_eq!(refused.header("allow"), Some(allow));
        assert_eq!(refused.json()["error"], "method_not_allowed");
    }
    let refused = end(&world, &world.admin, "/x/y").await;
    assert_eq!(refused.code(), (404, "not_found".into()));
}
