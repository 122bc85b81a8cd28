//! RFC 7662.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::registry::Change;
use countersign_tests::Craft;
use http::Method;
use serde_json::json;

use crate::fixture::{FORM, Managed, NOW, World, claims, foreign_token};

const INTROSPECT: &str = "/oauth/introspect";
const INACTIVE: (u16, &str) = (200, r#"{"active":false}"#);

#[tokio::test]
async fn a_clients_own_token_is_told_to_the_letter() {
    let world = World::new().await;
    let key = world.key("calls:read wallet:*").await;
    let token = world.access_token(&key).await;
    let answer = world.ask(INTROSPECT, &key, &token).await;
    let jti = claims(&token)["jti"].as_str().unwrap().to_owned();
    let (id, account, now) = (key.id, key.account, NOW.unix_seconds());
    assert_eq!(
        answer.body,
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
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
}

#[tokio::test]
async fn a_sessions_token_tells_its_session_and_a_managed_one_its_environment() {
    let world = World::new().await;
    let auditor = world.key("token:introspect").await;
    let session = world.log_in(&world.admin, None).await;
    let told = world.ask(INTROSPECT, &world.admin, &session).await.json();
    assert_eq!(told["sid"], claims(&session)["sid"]);

    let body = json!({
        "token_scope": "environment",
        "environment_id": world.sandbox.id.to_string(),
        "scopes": ["calls:read"],
    });
    let managed = Managed::of(&world.create(body).await.ok());
    let told = world.ask(INTROSPECT, &auditor, &managed.token).await.json();
    let now = NOW.unix_seconds();
    assert_eq!(
        told,
        json!({
            "active": true, "scope": "calls:read", "token_type": "Bearer",
            "client_id": managed.id, "sub": managed.id, "jti": managed.id,
            "iss": "https://auth.example", "aud": "https://auth.example",
            "iat": now, "exp": now + 90 * 24 * 3600,
            "account": world.admin.account.to_string(),
            "environment": world.sandbox.id.to_string(),
        })
    );
}

#[tokio::test]
async fn a_client_sees_its_own_tokens_or_its_accounts_with_the_scope_for_it() {
    let world = World::new().await;
    let own = world.key("calls:read").await;
    let colleague = world.key("calls:read").await;
    let auditor = world.key("token:introspect").await;
    let wide = world.key("token:*").await;
    let stranger = world.stranger("token:introspect").await;
    let token = world.access_token(&own).await;
    let managed = world.token().await.token;
    for (name, key, sees_minted, sees_managed) in [
        ("own", &own, true, false),
        ("colleague", &colleague, false, false),
        ("creator", &world.admin, false, false),
        ("auditor", &auditor, true, true),
        ("wide", &wide, true, true),
        ("stranger", &stranger, false, false),
    ] {
        for (token, sees) in [(&token, sees_minted), (&managed, sees_managed)] {
            let answer = world.ask(INTROSPECT, key, token).await;
            assert_eq!(answer.json()["active"], sees, "{name}");
            if !sees {
                assert_eq!(answer.said(), INACTIVE, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn every_token_that_is_no_good_is_inactive_and_no_more() {
    let world = World::new().await;
    let auditor = world.key("token:introspect").await;
    let key = world.key("calls:read").await;
    let good = world.access_token(&key).await;
    let foreign = foreign_token();
    assert!(world.lets_in(&foreign).await);
    let (input, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(86));
    let long = "a".repeat(9000);
    for token in [
        "garbage",
        "a.b.c",
        "%00",
        &foreign,
        &Craft::own().token(),
        &forged,
        &long,
        &key.key,
        &key.id.to_string(),
    ] {
        assert_eq!(
            world.ask(INTROSPECT, &auditor, token).await.said(),
            INACTIVE,
            "{token}"
        );
    }
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(
        world.ask(INTROSPECT, &key, &good).await.said(),
        INACTIVE,
        "expired"
    );
    let young = world.access_token(&key).await;
    assert_eq!(
        world.ask(INTROSPECT, &auditor, &young).await.json()["active"],
        true
    );
    world.change(key.id, Change::Suspend).await;
    assert_eq!(
        world.ask(INTROSPECT, &auditor, &young).await.said(),
        INACTIVE,
        "suspended"
    );
}

#[tokio::test]
async fn clients_authenticate_as_at_the_token_endpoint() {
    let world = World::new().await;
    let key = world.key("calls:read").await;
    let token = world.access_token(&key).await;
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
                let answer = world
                    .send(Method::POST, path, &headers, form.clone())
                    .await
                    .ok();
                assert_eq!(answer.json()["active"], true, "{headers:?}");
            } else {
                let garbage = form.replace(&token, "garbage");
                let answer = world.send(Method::POST, path, &headers, garbage).await;
                assert_eq!(answer.said(), (200, ""), "{headers:?}");
            }
        }
    }
}

/// Introspection and revocation alike: RFC 6749 §5.2.
#[tokio::test]
async fn requests_that_are_not_as_they_must_be_are_refused_and_nothing_is_told_or_denied() {
    let world = World::new().await;
    let key = world.key("calls:read").await;
    let token = world.access_token(&key).await;
    let about = format!("token={token}");
    let by_key = ("x-api-key", &*key.key);
    let (basic, bearer) = (key.basic(), format!("Bearer {token}"));
    let by_pair = ("authorization", &*basic);
    let posted = format!("{about}&client_id={}&client_secret={}", key.id, key.secret);
    let large = format!("{about}&x={}", "x".repeat(16 * 1024));
    let json = ("content-type", "application/json");
    for path in [INTROSPECT, "/oauth/revoke"] {
        for (headers, form, wanted) in [
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
            let refused = world
                .send(Method::POST, path, headers, form.to_owned())
                .await;
            let (status, code) = wanted;
            assert_eq!(
                refused.code(),
                (status, code.into()),
                "{path} {form:.60} {headers:?}"
            );
            let challenge = r#"Basic realm="countersign", charset="UTF-8""#;
            let challenged = refused.challenges() == [challenge];
            assert_eq!(challenged, status == 401);
            assert!(!refused.body.contains(&token) && !refused.body.contains(&key.secret));
        }
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
            let refused = world
                .send(method, path, &[FORM, by_key], about.clone())
                .await;
            assert_eq!(refused.said(), (405, ""));
            assert_eq!(refused.header("allow"), Some("POST"));
        }
    }
    assert!(world.lets_in(&token).await);
}
