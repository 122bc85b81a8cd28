//! `/auth/sessions`: listing and ending sessions, and which sessions get the same token.

use std::sync::Arc;
use std::time::Duration;

use countersign::credentials::{Credentials, RequestHead};
use countersign::jose::{Algorithm, SigningKey};
use countersign::mint::{IssuanceSettings, Issuer, Mint, MintParameters, MintRequest, SessionMint};
use countersign::random::SystemRandom;
use countersign::time::Timestamp;
use http::Method;
use serde_json::json;

use crate::fixture::{DAY, Fixture, Key, NOW, URL, claims};
use crate::response::TestResponse;

const SESSIONS: &str = "/auth/sessions";

async fn list(fixture: &Fixture, key: &Key) -> TestResponse {
    fixture
        .send(Method::GET, SESSIONS, &[("x-api-key", &key.key)], "")
        .await
}

async fn end(fixture: &Fixture, key: &Key, which: &str) -> TestResponse {
    let path = format!("{SESSIONS}{which}");
    fixture
        .send(Method::DELETE, &path, &[("x-api-key", &key.key)], "")
        .await
}

fn sid(token: &str) -> String {
    claims(token)["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sessions_of_the_caller_are_listed_with_exactly_these_members() {
    let fixture = Fixture::new().await;
    assert_eq!(
        list(&fixture, &fixture.admin).await.status_and_body(),
        (200, r#"{"sessions":[]}"#)
    );
    let unnamed = fixture.log_in(&fixture.admin, None).await;
    fixture.clock.advance(Duration::from_secs(60));
    let named = fixture.log_in(&fixture.admin, Some("worker-7")).await;
    let colleague = fixture.key("calls:read").await;
    fixture.log_in(&colleague, Some("worker-7")).await;
    let listed = list(&fixture, &fixture.admin).await;
    let expected = format!(
        concat!(
            r#"{{"sessions":[{{"id":"{}","session_id":null,"issued_at":"2026-03-15T12:00:00Z","#,
            r#""expires_at":"2026-03-15T13:00:00Z"}},{{"id":"{}","session_id":"worker-7","#,
            r#""issued_at":"2026-03-15T12:01:00Z","expires_at":"2026-03-15T13:01:00Z"}}]}}"#,
        ),
        sid(&unnamed),
        sid(&named),
    );
    assert_eq!(listed.status_and_body(), (200, &*expected));
    assert_eq!(listed.header("content-type"), Some("application/json"));
    let by_pair = [("authorization", &*fixture.admin.basic())];
    let by_pair = fixture.send(Method::GET, SESSIONS, &by_pair, "").await;
    assert_eq!(by_pair.body, expected);
    fixture.clock.advance(Duration::from_secs(3540));
    let left = list(&fixture, &fixture.admin).await.json();
    assert_eq!(left["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_token_of_an_ended_session_is_rejected_and_the_next_login_mints_a_new_one() {
    let fixture = Fixture::new().await;
    for name in [None, Some("worker-7")] {
        let first = fixture.log_in(&fixture.admin, name).await;
        assert_eq!(fixture.log_in(&fixture.admin, name).await, first);
        let which = match name {
            None => format!("/{}", sid(&first)),
            Some(name) => format!("?session_id={name}"),
        };
        assert_eq!(
            end(&fixture, &fixture.admin, &which)
                .await
                .status_and_body(),
            (204, "")
        );
        assert!(!fixture.accepts(&first).await);
        let gone = end(&fixture, &fixture.admin, &which).await;
        assert_eq!(
            gone.status_and_body(),
            (
                404,
                r#"{"error":"not_found","error_description":"the credential has no such session"}"#
            )
        );
        let next = fixture.log_in(&fixture.admin, name).await;
        assert_ne!(next, first);
        assert!(fixture.accepts(&next).await);
    }
}

#[tokio::test]
async fn session_ended_while_the_clock_is_ahead_is_rejected_once_it_is_right() {
    let fixture = Fixture::new().await;
    let token = fixture.log_in(&fixture.admin, Some("worker")).await;
    fixture.clock.advance(DAY * 3);
    let ended = end(&fixture, &fixture.admin, "?session_id=worker").await;
    assert_eq!(ended.status_and_body(), (204, ""));
    fixture.clock.set(NOW);
    assert!(!fixture.accepts(&token).await);
}

#[tokio::test]
async fn the_session_of_another_credential_is_not_found() {
    let fixture = Fixture::new().await;
    let colleague = fixture.key("*").await;
    let token = fixture.log_in(&fixture.admin, Some("worker")).await;
    let absent = end(&fixture, &colleague, "/013xrzp12g3nqk8n7f8f9jbg8d18q7tm").await;
    for which in [
        format!("/{}", sid(&token)),
        "?session_id=worker".to_owned(),
        "/no-id".to_owned(),
    ] {
        let rejected = end(&fixture, &colleague, &which).await;
        assert_eq!(rejected.status_and_body(), (404, &*absent.body), "{which}");
    }
    assert!(fixture.accepts(&token).await);
}

#[tokio::test]
async fn ending_a_session_requires_exactly_one_valid_id_or_name() {
    let fixture = Fixture::new().await;
    let token = fixture
        .log_in(&fixture.admin, Some("a+b c".replace(' ', "-").as_str()))
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
        let rejected = end(&fixture, &fixture.admin, which).await;
        assert_eq!(rejected.code(), (400, "invalid_request".into()), "{which}");
    }
    assert!(fixture.accepts(&token).await);
    assert_eq!(
        end(&fixture, &fixture.admin, "?session_id=a%2Bb-c")
            .await
            .status
            .as_u16(),
        204
    );
}

#[tokio::test]
async fn sessions_require_primary_credentials_in_headers() {
    let fixture = Fixture::new().await;
    let token = fixture.log_in(&fixture.admin, None).await;
    let one = format!("{SESSIONS}/{}", sid(&token));
    let body = json!({"api_key": fixture.admin.key}).to_string();
    let bearer = format!("Bearer {token}");
    let (key, basic) = (fixture.admin.key.clone(), fixture.admin.basic());
    for (method, path) in [
        (Method::GET, SESSIONS),
        (Method::DELETE, &*one),
        (Method::DELETE, SESSIONS),
    ] {
        for (headers, expected) in [
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
            let rejected = fixture
                .send(method.clone(), path, headers, body.clone())
                .await;
            assert_eq!(
                rejected.code(),
                (expected.0, expected.1.into()),
                "{method} {path} {headers:?}"
            );
        }
    }
    assert!(fixture.accepts(&token).await);
}

#[tokio::test]
async fn unsupported_methods_and_unknown_paths_of_sessions_are_rejected() {
    let fixture = Fixture::new().await;
    for (method, path, allow) in [
        (Method::POST, SESSIONS, "GET, DELETE"),
        (Method::HEAD, SESSIONS, "GET, DELETE"),
        (Method::GET, "/auth/sessions/x", "DELETE"),
        (Method::POST, "/auth/sessions/x", "DELETE"),
    ] {
        let rejected = fixture.send(method, path, &[], "").await;
        assert_eq!(rejected.status.as_u16(), 405);
        assert_eq!(rejected.header("allow"), Some(allow));
        assert_eq!(rejected.json()["error"], "method_not_allowed");
    }
    let rejected = end(&fixture, &fixture.admin, "/x/y").await;
    assert_eq!(rejected.code(), (404, "not_found".into()));
}

#[tokio::test]
async fn session_token_with_another_lifetime_audience_or_later_issue_time_is_not_returned_again() {
    let fixture = Fixture::new().await;
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let sessions = |audience: &str, hours: u64| {
        let lifetime = Duration::from_secs(3600 * hours);
        let issuer = Issuer::builder(URL)
            .audience(audience)
            .signing_key(key.clone())
            .settings(IssuanceSettings::new(lifetime, lifetime))
            .build()
            .unwrap();
        let mint = Mint::new(issuer, fixture.clock.clone(), SystemRandom);
        SessionMint::new(mint, Arc::clone(&fixture.registry) as _)
    };
    let log_in = async |sessions: SessionMint| {
        let credentials = Credentials::key(fixture.admin.key.clone().into());
        let principal = fixture
            .authenticator
            .authenticate(credentials, &RequestHead::empty())
            .await
            .unwrap();
        let request = MintRequest::new(principal.primary().unwrap(), MintParameters::default());
        let token = sessions.mint(&request, None).await.unwrap();
        (token.token.expose().to_owned(), token.expires_in)
    };
    let (first, left) = log_in(sessions("https://a.example", 2)).await;
    assert_eq!(left, 7200);
    assert_eq!(log_in(sessions("https://a.example", 2)).await.0, first);
    assert_ne!(log_in(sessions("https://b.example", 2)).await.0, first);
    // Verifiers that expect the shorter lifetime would reject the first token.
    let (shorter, left) = log_in(sessions("https://a.example", 1)).await;
    assert_eq!(left, 3600);
    assert_ne!(shorter, first);
    // After the clock was set back, the first token has an issue time in the future.
    fixture
        .clock
        .set(Timestamp::from_unix_seconds(NOW.unix_seconds() - 1800));
    let (anew, left) = log_in(sessions("https://a.example", 2)).await;
    assert_eq!(left, 7200);
    assert_ne!(anew, first);
}
