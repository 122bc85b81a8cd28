//! Introspection (RFC 7662).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::registry::Change;
use countersign_tests::TokenBuilder;
use http::Method;
use serde_json::json;

use crate::fixture::{FORM, Fixture, ManagedToken, NOW, claims, external_token};

const INTROSPECT: &str = "/oauth/introspect";
const INACTIVE: (u16, &str) = (200, r#"{"active":false}"#);

#[tokio::test]
async fn the_response_to_the_client_of_the_token_has_exactly_these_members() {
    let fixture = Fixture::new().await;
    let key = fixture.key("calls:read wallet:*").await;
    let token = fixture.access_token(&key).await;
    let response = fixture.post_token(INTROSPECT, &key, &token).await;
    let jti = claims(&token)["jti"].as_str().unwrap().to_owned();
    let (id, account, now) = (key.id, key.account, NOW.unix_seconds());
    assert_eq!(
        response.body,
        format!(
            concat!(
                r#"{{"active":true,"scope":"calls:read wallet:*","client_id":"{id}","token_type":"Bearer","#,
                r#""exp":{exp},"iat":{now},"sub":"{id}","aud":"https://auth.example","#,
                r#""iss":"https://auth.example","jti":"{jti}","account":"{account}"}}"#,
            ),
            id = id,
            exp = now + 3600,
            now = now,
            jti = jti,
            account = account,
        )
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("pragma"), Some("no-cache"));
}

#[tokio::test]
async fn session_tokens_have_sid_and_managed_tokens_have_environment() {
    let fixture = Fixture::new().await;
    let auditor = fixture.key("token:introspect").await;
    let session = fixture.log_in(&fixture.admin, None).await;
    let response = fixture
        .post_token(INTROSPECT, &fixture.admin, &session)
        .await
        .json();
    assert_eq!(response["sid"], claims(&session)["sid"]);

    let body = json!({
        "token_scope": "environment",
        "environment_id": fixture.sandbox.id.to_string(),
        "scopes": ["calls:read"],
    });
    let managed = ManagedToken::from_response(&fixture.create(body).await.ok());
    let response = fixture
        .post_token(INTROSPECT, &auditor, &managed.token)
        .await
        .json();
    let now = NOW.unix_seconds();
    assert_eq!(
        response,
        json!({
            "active": true, "scope": "calls:read", "token_type": "Bearer",
            "client_id": managed.id, "sub": managed.id, "jti": managed.id,
            "iss": "https://auth.example", "aud": "https://auth.example",
            "iat": now, "exp": now + 90 * 24 * 3600,
            "account": fixture.admin.account.to_string(),
            "environment": fixture.sandbox.id.to_string(),
        })
    );
}

#[tokio::test]
async fn a_client_can_introspect_its_own_tokens_and_with_token_introspect_those_of_its_account() {
    let fixture = Fixture::new().await;
    let own = fixture.key("calls:read").await;
    let colleague = fixture.key("calls:read").await;
    let auditor = fixture.key("token:introspect").await;
    let wide = fixture.key("token:*").await;
    let stranger = fixture.key_of_another_account("token:introspect").await;
    let token = fixture.access_token(&own).await;
    let managed = fixture.token().await.token;
    for (name, key, sees_minted, sees_managed) in [
        ("own", &own, true, false),
        ("colleague", &colleague, false, false),
        ("creator", &fixture.admin, false, false),
        ("auditor", &auditor, true, true),
        ("wide", &wide, true, true),
        ("stranger", &stranger, false, false),
    ] {
        for (token, sees) in [(&token, sees_minted), (&managed, sees_managed)] {
            let response = fixture.post_token(INTROSPECT, key, token).await;
            assert_eq!(response.json()["active"], sees, "{name}");
            if !sees {
                assert_eq!(response.status_and_body(), INACTIVE, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn every_invalid_token_is_inactive_without_further_members() {
    let fixture = Fixture::new().await;
    let auditor = fixture.key("token:introspect").await;
    let key = fixture.key("calls:read").await;
    let good = fixture.access_token(&key).await;
    let external = external_token();
    assert!(fixture.accepts(&external).await);
    let (input, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(86));
    let long = "a".repeat(9000);
    for token in [
        "garbage",
        "a.b.c",
        "%00",
        &external,
        &TokenBuilder::own().token(),
        &forged,
        &long,
        &key.key,
        &key.id.to_string(),
    ] {
        assert_eq!(
            fixture
                .post_token(INTROSPECT, &auditor, token)
                .await
                .status_and_body(),
            INACTIVE,
            "{token}"
        );
    }
    fixture.clock.advance(Duration::from_secs(3602));
    assert_eq!(
        fixture
            .post_token(INTROSPECT, &key, &good)
            .await
            .status_and_body(),
        INACTIVE,
        "expired"
    );
    let young = fixture.access_token(&key).await;
    assert_eq!(
        fixture
            .post_token(INTROSPECT, &auditor, &young)
            .await
            .json()["active"],
        true
    );
    fixture.change(key.id, Change::Suspend).await;
    assert_eq!(
        fixture
            .post_token(INTROSPECT, &auditor, &young)
            .await
            .status_and_body(),
        INACTIVE,
        "suspended"
    );
}

#[tokio::test]
async fn clients_authenticate_with_the_methods_of_the_token_endpoint() {
    let fixture = Fixture::new().await;
    let key = fixture.key("calls:read").await;
    let token = fixture.access_token(&key).await;
    let about = format!("token={token}&token_type_hint=whatever");
    let posted = format!("{about}&client_id={}&client_secret={}", key.id, key.secret);
    let encoded: String = key
        .secret
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let encoded = format!("Basic {}", STANDARD.encode(format!("{}:{encoded}", key.id)));
    for (headers, form) in [
        (("x-api-key", key.key.clone()), &about),
        (("authorization", key.basic()), &about),
        (("authorization", encoded), &about),
        (("accept", "*/*".to_owned()), &posted),
    ] {
        let headers = [FORM, (headers.0, &*headers.1)];
        for path in [INTROSPECT, "/oauth/revoke"] {
            if path == INTROSPECT {
                let response = fixture
                    .send(Method::POST, path, &headers, form.clone())
                    .await
                    .ok();
                assert_eq!(response.json()["active"], true, "{headers:?}");
            } else {
                let garbage = form.replace(&token, "garbage");
                let response = fixture.send(Method::POST, path, &headers, garbage).await;
                assert_eq!(response.status_and_body(), (200, ""), "{headers:?}");
            }
        }
    }
}

/// The errors of RFC 6749 §5.2, at both endpoints.
#[tokio::test]
async fn invalid_requests_are_rejected_and_reveal_and_revoke_nothing() {
    let fixture = Fixture::new().await;
    let key = fixture.key("calls:read").await;
    let token = fixture.access_token(&key).await;
    let about = format!("token={token}");
    let by_key = ("x-api-key", &*key.key);
    let (basic, bearer) = (key.basic(), format!("Bearer {token}"));
    let by_pair = ("authorization", &*basic);
    let posted = format!("{about}&client_id={}&client_secret={}", key.id, key.secret);
    let large = format!("{about}&x={}", "x".repeat(16 * 1024));
    let json = ("content-type", "application/json");
    for path in [INTROSPECT, "/oauth/revoke"] {
        for (headers, form, expected) in [
            (&[FORM, by_key][..], "", (400, "invalid_request")),
            (&[FORM, by_key], "token=", (400, "invalid_request")),
            (&[FORM, by_key], "tokens=x", (400, "invalid_request")),
            (
                &[FORM, by_key],
                &format!("{about}&{about}"),
                (400, "invalid_request"),
            ),
            (
                &[FORM, by_key],
                &format!("{about}&tok%65n=x"),
                (400, "invalid_request"),
            ),
            (
                &[FORM, by_key],
                &format!("{about}&a=1&a=1"),
                (400, "invalid_request"),
            ),
            (&[FORM, by_key], "token=%f", (400, "invalid_request")),
            (&[json, by_key], &about, (400, "invalid_request")),
            (&[by_key], &about, (400, "invalid_request")),
            (&[FORM, by_key], &large, (413, "invalid_request")),
            (&[FORM, by_key, by_pair], &about, (400, "invalid_request")),
            (&[FORM, by_key], &posted, (400, "invalid_request")),
            (
                &[FORM],
                &format!("{about}&client_secret=x"),
                (400, "invalid_request"),
            ),
            (&[FORM], &about, (401, "invalid_client")),
            (
                &[FORM, ("x-api-key", "cs_nonsense")],
                &about,
                (401, "invalid_client"),
            ),
            (
                &[FORM, ("x-api-key", &token)],
                &about,
                (401, "invalid_client"),
            ),
            (
                &[FORM],
                &posted.replace(&key.secret, "x"),
                (401, "invalid_client"),
            ),
            (
                &[FORM, ("authorization", &bearer)],
                &about,
                (403, "unauthorized_client"),
            ),
            (
                &[FORM, ("authorization", "Bearer x"), by_key],
                &about,
                (403, "unauthorized_client"),
            ),
            (
                &[FORM, ("authorization", &bearer)],
                &posted,
                (403, "unauthorized_client"),
            ),
        ] {
            let rejected = fixture
                .send(Method::POST, path, headers, form.to_owned())
                .await;
            let (status, code) = expected;
            assert_eq!(
                rejected.code(),
                (status, code.into()),
                "{path} {form:.60} {headers:?}"
            );
            let challenge = r#"Basic realm="countersign", charset="UTF-8""#;
            let challenged = rejected.challenges() == [challenge];
            assert_eq!(challenged, status == 401);
            assert!(!rejected.body.contains(&token) && !rejected.body.contains(&key.secret));
        }
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
            let rejected = fixture
                .send(method, path, &[FORM, by_key], about.clone())
                .await;
            assert_eq!(rejected.status_and_body(), (405, ""));
            assert_eq!(rejected.header("allow"), Some("POST"));
        }
    }
    assert!(fixture.accepts(&token).await);
}
