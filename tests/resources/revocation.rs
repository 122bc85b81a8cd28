//! RFC 7009.

use countersign_tests::Craft;
use http::Method;
use serde_json::json;

use crate::fixture::{FORM, World, claims, foreign_token};

const REVOKE: &str = "/oauth/revoke";
const DONE: (u16, &str) = (200, "");

#[tokio::test]
async fn a_revoked_token_is_refused_and_inactive_and_its_siblings_are_not() {
    let world = World::new().await;
    let key = world.key("calls:read").await;
    let (token, sibling) = (
        world.access_token(&key).await,
        world.access_token(&key).await,
    );
    assert_eq!(world.ask(REVOKE, &key, &token).await.said(), DONE);
    assert!(!world.lets_in(&token).await);
    let told = world.ask("/oauth/introspect", &key, &token).await;
    assert_eq!(told.said(), (200, r#"{"active":false}"#));
    assert!(world.lets_in(&sibling).await);
    // Again, and it is no good already.
    assert_eq!(world.ask(REVOKE, &key, &token).await.said(), DONE);
    assert!(world.lets_in(&world.access_token(&key).await).await);
}

#[tokio::test]
async fn a_sessions_token_ends_with_its_session() {
    let world = World::new().await;
    let token = world.log_in(&world.admin, Some("worker-7")).await;
    let other = world.log_in(&world.admin, Some("worker-8")).await;
    assert_eq!(world.ask(REVOKE, &world.admin, &token).await.said(), DONE);
    assert!(!world.lets_in(&token).await);
    assert!(world.lets_in(&other).await);
    let next = world.log_in(&world.admin, Some("worker-7")).await;
    assert_ne!(next, token);
    assert!(world.lets_in(&next).await);
}

#[tokio::test]
async fn where_no_sessions_are_known_the_token_itself_is_denied() {
    let world = World::new().await;
    let token = world.log_in(&world.admin, None).await;
    let headers = [FORM, ("x-api-key", &*world.admin.key)];
    let form = format!("token={token}&token_type_hint=refresh_token");
    let done = world
        .send(Method::POST, "/oauth/revoke_token", &headers, form)
        .await;
    assert_eq!(done.said(), DONE);
    assert!(!world.lets_in(&token).await);
}

#[tokio::test]
async fn another_clients_token_is_refused_and_nothing_is_denied() {
    let world = World::new().await;
    let key = world.key("calls:read").await;
    let (colleague, stranger) = (world.key("*").await, world.stranger("*").await);
    let minted = world.access_token(&key).await;
    let session = world.log_in(&key, None).await;
    let managed = world.token().await.token;
    let foreign = foreign_token();
    for token in [&minted, &session, &managed, &foreign] {
        for other in [&colleague, &stranger, &world.admin] {
            let refused = world.ask(REVOKE, other, token).await;
            assert_eq!(
                refused.said(),
                (
                    400,
                    r#"{"error":"invalid_grant","error_description":"the token was issued to another client"}"#
                )
            );
        }
        assert!(world.lets_in(token).await, "{:?}", claims(token));
    }
}

#[tokio::test]
async fn a_token_that_is_no_good_is_revoked_already() {
    let world = World::new().await;
    let key = world.key("calls:read").await;
    let good = world.access_token(&key).await;
    let (input, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(86));
    for token in ["garbage", "a.b.c", &forged, &Craft::own().token(), &key.key] {
        let done = world.ask(REVOKE, &key, token).await;
        assert_eq!(done.said(), DONE, "{token}");
        assert_eq!(done.header("content-type"), None);
    }
    assert!(world.lets_in(&good).await, "a forgery denies no token");
    world.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(world.ask(REVOKE, &key, &good).await.said(), DONE);
}

#[tokio::test]
async fn metadata_names_introspection_and_revocation_where_they_are_mounted() {
    use countersign_wire::AuthorizationServer;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    let world = World::new().await;
    let server = AuthorizationServer::new(world.issuer, "/oauth/token")
        .introspection_path("/oauth/introspect")
        .revocation_path("/oauth/revoke");
    let request = http::Request::get("/").body(()).unwrap();
    let answer = server.metadata().oneshot(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
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
