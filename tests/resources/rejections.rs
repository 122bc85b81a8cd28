//! wires.md, "Every wire, every status": the row `managed`, and what is said in headers.

use std::time::Duration;

use countersign::credentials::{Carrier, Credentials};
use countersign::dangerous::AssertPrimary;
use countersign::mechanism::{CredentialSelector, Judged, Mechanism, Outcome};
use countersign::registry::Change;
use countersign::rejection::Challenge;
use countersign::time::Timestamp;
use http::{HeaderName, Method};
use serde_json::json;

use crate::fixture::{TOKENS, World};

const API_KEY: &str = r#"ApiKey realm="countersign""#;
const BASIC: &str = r#"Basic realm="countersign", charset="UTF-8""#;

#[tokio::test]
async fn nothing_presented_is_not_authenticated_and_everything_bad_is_one_answer() {
    let world = World::new().await;
    let token = world.token().await;
    let revoked = world.key("api_token:*").await;
    let change = Change::Revoke { reason: None };
    world.change(revoked.id, change).await;
    let suspended = world.key("api_token:*").await;
    world.change(suspended.id, Change::Suspend).await;
    let mut wrong = world.admin.clone();
    wrong.secret = wrong.secret.chars().rev().collect();
    let paths = [
        (Method::POST, TOKENS.to_owned()),
        (Method::GET, TOKENS.to_owned()),
        (Method::GET, format!("{TOKENS}/{}", token.id)),
        (Method::POST, format!("{TOKENS}/{}/suspend", token.id)),
        (Method::DELETE, format!("{TOKENS}/{}", token.id)),
        (Method::GET, format!("{TOKENS}/no-id")),
    ];
    for (method, path) in paths {
        // A body that is no JSON: credentials are judged before it.
        let none = world.send(method.clone(), &path, &[], "{").await;
        assert_eq!(
            none.said(),
            (
                401,
                r#"{"status":"error","code":"not_authenticated","message":"authentication failed"}"#
            ),
            "{method} {path}"
        );
        assert!(none.challenges().contains(&API_KEY) && none.challenges().contains(&BASIC));
        for (name, value) in [
            ("x-api-key", revoked.key.clone()),
            ("x-api-key", suspended.key.clone()),
            ("x-api-key", "cs_nonsense".to_owned()),
            ("authorization", wrong.basic()),
            ("authorization", "Basic !".to_owned()),
        ] {
            let bad = world
                .send(method.clone(), &path, &[(name, &value)], "{")
                .await;
            assert_eq!(
                bad.said(),
                (
                    401,
                    r#"{"status":"error","code":"bad_authtoken","message":"authentication failed"}"#
                ),
                "{method} {path} {name}"
            );
            let wanted = if name == "x-api-key" { API_KEY } else { BASIC };
            assert_eq!(bad.challenges(), [wanted]);
        }
    }
    let path = format!("{TOKENS}/{}", token.id);
    let bad = world
        .send(Method::GET, &path, &[("authorization", "Bearer x.y.z")], "")
        .await;
    assert_eq!(bad.code(), (401, "bad_authtoken".into()));
    assert_eq!(
        bad.challenges(),
        [r#"Bearer realm="countersign", error="invalid_token""#]
    );
}

#[tokio::test]
async fn several_credentials_are_malformed() {
    let world = World::new().await;
    let (key, basic) = (world.admin.key.clone(), world.admin.basic());
    let two = [("x-api-key", &*key), ("authorization", &*basic)];
    let twice = [("x-api-key", &*key), ("x-api-key", &*key)];
    for headers in [&two[..], &twice[..]] {
        for method in [Method::GET, Method::POST] {
            let refused = world.send(method, TOKENS, headers, "{").await;
            assert_eq!(
                refused.said(),
                (
                    400,
                    r#"{"status":"error","code":"bad_request","message":"the credentials are malformed, or there is more than one of them"}"#
                )
            );
        }
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_there_are() {
    let world = World::new().await;
    let id = world.token().await.id;
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    for (path, allow) in [
        (TOKENS.to_owned(), "GET, POST"),
        (format!("{TOKENS}/{id}"), "GET, DELETE"),
        (format!("{TOKENS}/{id}/suspend"), "POST"),
        (format!("{TOKENS}/{id}/activate"), "POST"),
        (format!("{TOKENS}/{id}/revoke"), "POST"),
    ] {
        for method in &methods {
            let answer = world.send(method.clone(), &path, &[], "").await;
            if allow.split(", ").any(|known| known == method.as_str()) {
                assert_eq!(answer.status.as_u16(), 401, "{method} {path}");
                continue;
            }
            assert_eq!(answer.status.as_u16(), 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allow));
            assert_eq!(answer.json()["code"], "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let world = World::new().await;
    let id = world.token().await.id;
    for path in [
        format!("{id}/"),
        format!("{id}/delete"),
        format!("{id}/Suspend"),
        format!("{id}/suspend/"),
        format!("{id}/suspend/now"),
    ] {
        let answer = world.act(Method::POST, &path).await;
        assert_eq!(
            answer.said(),
            (
                404,
                r#"{"status":"error","code":"not_found","message":"there is no such token"}"#
            ),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_over_16_kib_is_refused() {
    let world = World::new().await;
    let id = world.token().await.id;
    let headers = [("x-api-key", &*world.admin.key)];
    let large = format!(
        r#"{{"token_scope":"account","x":"{}"}}"#,
        "x".repeat(16 * 1024)
    );
    for (method, path) in [
        (Method::POST, TOKENS.to_owned()),
        (Method::POST, format!("{TOKENS}/{id}/suspend")),
        (Method::DELETE, format!("{TOKENS}/{id}")),
    ] {
        let refused = world.send(method, &path, &headers, large.clone()).await;
        assert_eq!(
            refused.said(),
            (
                413,
                r#"{"status":"error","code":"bad_request","message":"the body is too large"}"#
            )
        );
    }
}

#[tokio::test]
async fn creations_are_counted_by_credential_and_the_client_is_told_when_to_come_back() {
    let world = World::new().await;
    for _ in 0..50 {
        world.token().await;
    }
    let refused = world.create(json!({"token_scope": "account"})).await;
    assert_eq!(
        refused.said(),
        (
            429,
            r#"{"status":"error","code":"too_many_requests","message":"there were too many failures, or too many tokens"}"#
        )
    );
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_eq!(refused.header("ratelimit"), Some(r#""mints";r=0;t=2"#));
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some(r#""mints";q=50;w=60"#)
    );
    // What is not a creation is not counted, nor is what was refused.
    let list = world.act(Method::GET, "").await.ok().json();
    assert_eq!(list["pagination"]["item_count"], 50);
    let colleague = world.key("api_token:*").await;
    let headers = [("x-api-key", &*colleague.key)];
    for _ in 0..60 {
        world.create_by(&headers, json!({})).await;
    }
    world
        .create_by(&headers, json!({"token_scope": "account"}))
        .await
        .ok();
}

/// A mechanism of a user's own, which nobody may try now.
#[derive(Clone)]
struct Throttles;

impl Mechanism for Throttles {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::all(Carrier::Header(
            HeaderName::from_static("x-badge"),
        ))]
    }

    fn challenge(&self) -> Challenge {
        Challenge::named("Badge")
    }

    fn try_verify(&self, _: &Credentials, _: Timestamp) -> Judged {
        Judged::Now(Outcome::Throttled {
            retry_after: Duration::from_millis(2001),
        })
    }
}

#[tokio::test]
async fn whoever_failed_too_often_is_told_when_to_come_back() {
    let world = World::new().await;
    let resource = world.resource_by(AssertPrimary(Throttles));
    for method in [Method::POST, Method::GET] {
        let refused = world
            .ask_resource(&resource, method, ("x-badge", "7"))
            .await;
        assert_eq!(refused.code(), (429, "too_many_requests".into()));
        assert_eq!(refused.header("retry-after"), Some("3"));
        let limit = r#""failed-authentications";r=0;t=3"#;
        assert_eq!(refused.header("ratelimit"), Some(limit));
        assert!(refused.challenges().is_empty());
    }
}
