//! Revocation (RFC 7009).

use countersign::time::Timestamp;
use countersign_tests::TokenBuilder;
use http::Method;
use serde_json::json;

use crate::fixture::{DAY, FORM, Fixture, NOW, claims, external_token};

const REVOKE: &str = "/oauth/revoke";
const DONE: (u16, &str) = (200, "");

#[tokio::test]
async fn a_revoked_token_is_rejected_and_inactive_and_other_tokens_of_its_key_are_not() {
    let fixture = Fixture::new().await;
    let key = fixture.key("calls:read").await;
    let (token, sibling) = (
        fixture.access_token(&key).await,
        fixture.access_token(&key).await,
    );
    assert_eq!(
        fixture
            .post_token(REVOKE, &key, &token)
            .await
            .status_and_body(),
        DONE
    );
    assert!(!fixture.accepts(&token).await);
    let response = fixture.post_token("/oauth/introspect", &key, &token).await;
    assert_eq!(response.status_and_body(), (200, r#"{"active":false}"#));
    assert!(fixture.accepts(&sibling).await);
    // Revoking it again succeeds, too.
    assert_eq!(
        fixture
            .post_token(REVOKE, &key, &token)
            .await
            .status_and_body(),
        DONE
    );
    assert!(fixture.accepts(&fixture.access_token(&key).await).await);
}

#[tokio::test]
async fn revoking_a_session_token_ends_its_session() {
    let fixture = Fixture::new().await;
    let token = fixture.log_in(&fixture.admin, Some("worker-7")).await;
    let other = fixture.log_in(&fixture.admin, Some("worker-8")).await;
    assert_eq!(
        fixture
            .post_token(REVOKE, &fixture.admin, &token)
            .await
            .status_and_body(),
        DONE
    );
    assert!(!fixture.accepts(&token).await);
    assert!(fixture.accepts(&other).await);
    let next = fixture.log_in(&fixture.admin, Some("worker-7")).await;
    assert_ne!(next, token);
    assert!(fixture.accepts(&next).await);
}

#[tokio::test]
async fn without_session_storage_the_session_token_itself_is_denied() {
    let fixture = Fixture::new().await;
    let token = fixture.log_in(&fixture.admin, None).await;
    let headers = [FORM, ("x-api-key", &*fixture.admin.key)];
    let form = format!("token={token}&token_type_hint=refresh_token");
    let done = fixture
        .send(Method::POST, "/oauth/revoke_token", &headers, form)
        .await;
    assert_eq!(done.status_and_body(), DONE);
    assert!(!fixture.accepts(&token).await);
}

#[tokio::test]
async fn revoking_the_token_of_another_client_is_rejected_and_the_token_stays_valid() {
    let fixture = Fixture::new().await;
    let key = fixture.key("calls:read").await;
    let (colleague, stranger) = (
        fixture.key("*").await,
        fixture.key_of_another_account("*").await,
    );
    let minted = fixture.access_token(&key).await;
    let session = fixture.log_in(&key, None).await;
    let managed = fixture.token().await.token;
    let external = external_token();
    for token in [&minted, &session, &managed, &external] {
        for other in [&colleague, &stranger, &fixture.admin] {
            let rejected = fixture.post_token(REVOKE, other, token).await;
            assert_eq!(
                rejected.status_and_body(),
                (
                    400,
                    r#"{"error":"invalid_grant","error_description":"the token was issued to another client"}"#
                )
            );
        }
        assert!(fixture.accepts(token).await, "{:?}", claims(token));
    }
}

#[tokio::test]
async fn revoking_an_invalid_token_succeeds() {
    let fixture = Fixture::new().await;
    let key = fixture.key("calls:read").await;
    let good = fixture.access_token(&key).await;
    let (input, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(86));
    for token in [
        "garbage",
        "a.b.c",
        &forged,
        &TokenBuilder::own().token(),
        &key.key,
    ] {
        let done = fixture.post_token(REVOKE, &key, token).await;
        assert_eq!(done.status_and_body(), DONE, "{token}");
        assert_eq!(done.header("content-type"), None);
    }
    assert!(
        fixture.accepts(&good).await,
        "revoking a forged token revoked the real one"
    );
    fixture.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(
        fixture
            .post_token(REVOKE, &key, &good)
            .await
            .status_and_body(),
        DONE
    );
}

#[tokio::test]
async fn metadata_has_the_introspection_and_revocation_endpoints() {
    use countersign_wire::AuthorizationServer;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    let fixture = Fixture::new().await;
    let server = AuthorizationServer::new(fixture.issuer, "/oauth/token")
        .introspection_path("/oauth/introspect")
        .revocation_path("/oauth/revoke");
    let request = http::Request::get("/").body(()).unwrap();
    let response = server.metadata().oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let methods = json!(["client_secret_basic", "client_secret_post"]);
    assert_eq!(
        body,
        json!({
            "issuer": "https://auth.example",
            "token_endpoint": "https://auth.example/oauth/token",
            "jwks_uri": "https://auth.example/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": methods,
            "introspection_endpoint": "https://auth.example/oauth/introspect",
            "introspection_endpoint_auth_methods_supported": methods,
            "revocation_endpoint": "https://auth.example/oauth/revoke",
            "revocation_endpoint_auth_methods_supported": methods,
        })
    );
}

#[tokio::test]
async fn token_revoked_while_the_clock_is_wrong_is_rejected_once_it_is_right() {
    let fixture = Fixture::new().await;
    let key = fixture.key("calls:read").await;
    for wrong in [
        NOW.plus(DAY * 3),
        Timestamp::from_unix_seconds(1_000_000_000),
    ] {
        let token = fixture.access_token(&key).await;
        assert!(fixture.accepts(&token).await);
        fixture.clock.set(wrong);
        let response = fixture.post_token(REVOKE, &key, &token).await;
        assert_eq!(response.status_and_body(), DONE);
        fixture.clock.set(NOW);
        assert!(!fixture.accepts(&token).await, "{wrong:?}");
    }
}
