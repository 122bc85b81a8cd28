//! Credentials that are revoked while their request waits for its body or its turn.

use std::time::Duration;

use countersign::registry::{Caller, Change, ManagedTokens as _, RegistryError};
use http::{Method, Request};
use http_body_util::channel::Channel;
use hyper::body::Bytes;
use tower::ServiceExt as _;

use crate::fixture::{Fixture, TOKENS};
use crate::response::TestResponse;

/// Sends the head of a request and the first byte of its body, awaits `meanwhile`, and sends the rest of the body.
async fn send_slowly<F: Future<Output = ()>>(
    fixture: &Fixture,
    path: &str,
    authorization: &str,
    meanwhile: impl FnOnce() -> F,
) -> TestResponse {
    let (mut sender, body) = Channel::<Bytes, std::convert::Infallible>::new(1);
    let request = Request::post(path)
        .header("authorization", authorization)
        .body(body)
        .unwrap();
    let response = tokio::spawn(fixture.router.clone().oneshot(request));
    sender.send_data(Bytes::from_static(b"{")).await.unwrap();
    // The channel holds one frame: it takes the second once the first was read, which is after authentication.
    sender.send_data(Bytes::from_static(b" ")).await.unwrap();
    sender.send_data(Bytes::from_static(b" ")).await.unwrap();
    meanwhile().await;
    sender.send_data(Bytes::from_static(b"}")).await.unwrap();
    drop(sender);
    TestResponse::read(response.await.unwrap().unwrap()).await
}

#[tokio::test]
async fn bearer_revoked_while_its_request_waits_for_the_body_changes_nothing() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    let path = format!("{TOKENS}/{}/revoke", token.id);
    let assert_not_revoked = async || {
        assert!(fixture.accepts(&token.token).await);
    };

    let access = fixture.access_token(&fixture.admin).await;
    let bearer = format!("Bearer {access}");
    let response = send_slowly(&fixture, &path, &bearer, || async {
        fixture
            .post_token("/oauth/revoke", &fixture.admin, &access)
            .await
            .status_and_body();
    });
    assert_eq!(response.await.code(), (401, "bad_authtoken".into()));
    assert_not_revoked().await;

    let session = fixture.log_in(&fixture.admin, None).await;
    let bearer = format!("Bearer {session}");
    let response = send_slowly(&fixture, &path, &bearer, || async {
        fixture
            .post_token("/oauth/revoke", &fixture.admin, &session)
            .await
            .status_and_body();
    });
    assert_eq!(response.await.code(), (401, "bad_authtoken".into()));
    assert_not_revoked().await;

    let access = fixture.access_token(&fixture.admin).await;
    let bearer = format!("Bearer {access}");
    let response = send_slowly(&fixture, &path, &bearer, || async {
        fixture.clock.advance(Duration::from_secs(3602));
    });
    assert_eq!(response.await.code(), (401, "bad_authtoken".into()));
    assert_not_revoked().await;

    let access = fixture.access_token(&fixture.admin).await;
    let bearer = format!("Bearer {access}");
    let response = send_slowly(&fixture, &path, &bearer, || async {});
    assert_eq!(response.await.status, 200, "the token is still valid");
    assert!(!fixture.accepts(&token.token).await);
}

#[tokio::test]
async fn registry_rejects_the_change_of_a_caller_whose_token_was_denied() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    let access = fixture.access_token(&fixture.admin).await;
    let trusted = fixture.issuer.trusted().build().unwrap();
    let principal = countersign::mechanism::Jwt::new([trusted])
        .introspect(&access, crate::fixture::NOW)
        .unwrap();
    let caller = Caller::authenticated(&principal).unwrap();
    fixture
        .post_token("/oauth/revoke", &fixture.admin, &access)
        .await
        .ok();
    let id = token.id.parse().unwrap();
    let rejected = fixture
        .registry
        .change_token(&caller, id, Change::Suspend, None)
        .await;
    assert!(matches!(rejected, Err(RegistryError::CallerRevoked)));
    assert!(fixture.accepts(&token.token).await);
}

#[tokio::test]
async fn request_of_a_key_that_is_revoked_while_the_body_arrives_is_rejected() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    let key = fixture.key("api_token:*").await;
    for (path, begin, end) in [
        (format!("/{}/revoke", token.id), "{", "}"),
        ("/".to_owned(), "{", r#""token_scope":"account"}"#),
    ] {
        let key = fixture.key("api_token:*").await;
        let (mut sender, body) = Channel::<Bytes>::new(1);
        let request = Request::post(path)
            .header("x-api-key", &key.key)
            .body(body)
            .unwrap();
        let response = tokio::spawn(fixture.managed.clone().oneshot(request));
        sender.send_data(begin.into()).await.unwrap();
        // The channel takes this frame once the first was read, which is after authentication.
        sender.send_data(end.into()).await.unwrap();
        let revoke = Change::Revoke { reason: None };
        fixture.change(key.id, revoke).await;
        drop(sender);
        let response = TestResponse::read(response.await.unwrap().unwrap()).await;
        assert_eq!(response.code(), (401, "bad_authtoken".into()));
        assert!(!response.challenges().is_empty());
    }
    assert!(fixture.accepts(&token.token).await);
    let listed = fixture
        .send(Method::GET, TOKENS, &[("x-api-key", &key.key)], "")
        .await;
    assert_eq!(listed.json()["pagination"]["item_count"], 1);
}
