//! The errors of the managed-token resource: status, body, challenges and rate-limit headers.

use countersign::dangerous::AssertPrimary;
use countersign::registry::Change;
use countersign_tests::ThrottlingMechanism;
use http::Method;
use serde_json::json;

use crate::fixture::{Fixture, TOKENS};

const API_KEY: &str = r#"ApiKey realm="countersign""#;
const BASIC: &str = r#"Basic realm="countersign", charset="UTF-8""#;

#[tokio::test]
async fn missing_credentials_are_not_authenticated_and_all_invalid_ones_get_the_same_response() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    let revoked = fixture.key("api_token:*").await;
    let change = Change::Revoke { reason: None };
    fixture.change(revoked.id, change).await;
    let suspended = fixture.key("api_token:*").await;
    fixture.change(suspended.id, Change::Suspend).await;
    let mut wrong = fixture.admin.clone();
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
        // The body is not JSON: credentials are authenticated first.
        let none = fixture.send(method.clone(), &path, &[], "{").await;
        assert_eq!(
            none.status_and_body(),
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
            let bad = fixture
                .send(method.clone(), &path, &[(name, &value)], "{")
                .await;
            assert_eq!(
                bad.status_and_body(),
                (
                    401,
                    r#"{"status":"error","code":"bad_authtoken","message":"authentication failed"}"#
                ),
                "{method} {path} {name}"
            );
            let expected = if name == "x-api-key" { API_KEY } else { BASIC };
            assert_eq!(bad.challenges(), [expected]);
        }
    }
    let path = format!("{TOKENS}/{}", token.id);
    let bad = fixture
        .send(Method::GET, &path, &[("authorization", "Bearer x.y.z")], "")
        .await;
    assert_eq!(bad.code(), (401, "bad_authtoken".into()));
    assert_eq!(
        bad.challenges(),
        [r#"Bearer realm="countersign", error="invalid_token""#]
    );
}

#[tokio::test]
async fn several_credentials_are_a_bad_request() {
    let fixture = Fixture::new().await;
    let (key, basic) = (fixture.admin.key.clone(), fixture.admin.basic());
    let two = [("x-api-key", &*key), ("authorization", &*basic)];
    let twice = [("x-api-key", &*key), ("x-api-key", &*key)];
    for headers in [&two[..], &twice[..]] {
        for method in [Method::GET, Method::POST] {
            let rejected = fixture.send(method, TOKENS, headers, "{").await;
            assert_eq!(
                rejected.status_and_body(),
                (
                    400,
                    r#"{"status":"error","code":"bad_request","message":"the credentials are malformed, repeated, or of several kinds: send exactly one"}"#
                )
            );
        }
    }
}

#[tokio::test]
async fn unsupported_methods_are_405_with_the_allowed_methods() {
    let fixture = Fixture::new().await;
    let id = fixture.token().await.id;
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
            let response = fixture.send(method.clone(), &path, &[], "").await;
            if allow.split(", ").any(|known| known == method.as_str()) {
                assert_eq!(response.status.as_u16(), 401, "{method} {path}");
                continue;
            }
            assert_eq!(response.status.as_u16(), 405, "{method} {path}");
            assert_eq!(response.header("allow"), Some(allow));
            assert_eq!(response.json()["code"], "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let fixture = Fixture::new().await;
    let id = fixture.token().await.id;
    for path in [
        format!("{id}/"),
        format!("{id}/delete"),
        format!("{id}/Suspend"),
        format!("{id}/suspend/"),
        format!("{id}/suspend/now"),
    ] {
        let response = fixture.send_as_admin(Method::POST, &path).await;
        assert_eq!(
            response.status_and_body(),
            (
                404,
                r#"{"status":"error","code":"not_found","message":"the account has no such token"}"#
            ),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_over_16_kib_is_rejected() {
    let fixture = Fixture::new().await;
    let id = fixture.token().await.id;
    let headers = [("x-api-key", &*fixture.admin.key)];
    let large = format!(
        r#"{{"token_scope":"account","x":"{}"}}"#,
        "x".repeat(16 * 1024)
    );
    for (method, path) in [
        (Method::POST, TOKENS.to_owned()),
        (Method::POST, format!("{TOKENS}/{id}/suspend")),
        (Method::DELETE, format!("{TOKENS}/{id}")),
    ] {
        let rejected = fixture.send(method, &path, &headers, large.clone()).await;
        assert_eq!(
            rejected.status_and_body(),
            (
                413,
                r#"{"status":"error","code":"bad_request","message":"the body is too large"}"#
            )
        );
    }
}

#[tokio::test]
async fn requests_are_limited_for_each_credential_with_retry_after() {
    let fixture = Fixture::new().await;
    for _ in 0..50 {
        fixture.token().await;
    }
    let rejected = fixture.create(json!({"token_scope": "account"})).await;
    assert_eq!(
        rejected.status_and_body(),
        (
            429,
            r#"{"status":"error","code":"too_many_requests","message":"too many requests with this credential: try again after the seconds in Retry-After"}"#
        )
    );
    assert_eq!(rejected.header("retry-after"), Some("2"));
    assert_eq!(rejected.header("ratelimit"), Some(r#""mints";r=0;t=2"#));
    assert_eq!(
        rejected.header("ratelimit-policy"),
        Some(r#""mints";q=50;w=60"#)
    );
    // Reads are limited, too; requests of another credential are counted apart.
    let list = fixture.send_as_admin(Method::GET, "").await;
    assert_eq!(list.status, 429);
    let colleague = fixture.key("api_token:*").await;
    let headers = [("x-api-key", &*colleague.key)];
    fixture
        .create_by(&headers, json!({"token_scope": "account"}))
        .await
        .ok();
}

#[tokio::test]
async fn throttled_client_gets_429_with_retry_after() {
    let fixture = Fixture::new().await;
    let resource = fixture.resource_by(AssertPrimary(ThrottlingMechanism));
    for method in [Method::POST, Method::GET] {
        let rejected = fixture
            .send_to_resource(&resource, method, ("x-badge", "7"))
            .await;
        assert_eq!(rejected.code(), (429, "too_many_requests".into()));
        assert_eq!(rejected.header("retry-after"), Some("3"));
        let limit = r#""failed-authentications";r=0;t=3"#;
        assert_eq!(rejected.header("ratelimit"), Some(limit));
        assert!(rejected.challenges().is_empty());
    }
}
