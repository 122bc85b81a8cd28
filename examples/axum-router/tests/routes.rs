//! Who is let in where.

#![allow(clippy::unwrap_used, reason = "a test")]

use axum::Router;
use axum::body::Body;
use countersign::registry::{Caller, NewKey, Registry};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

async fn send(
    router: &Router,
    method: &str,
    path: &str,
    header: (&str, &str),
) -> (StatusCode, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header.0, header.1)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("grant_type=client_credentials"))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn key_and_its_token_are_let_in_where_the_routes_say_so() {
    let (router, registry) = axum_router::service().unwrap();
    let new = NewKey::new("reader and writer", "calls:*".parse().unwrap());
    let key = registry
        .create_key(&Caller::operator("test"), new)
        .await
        .unwrap()
        .issued
        .key;
    let key = ("x-api-key", key.expose());
    let ok = StatusCode::OK;
    assert_eq!(
        send(&router, "GET", "/calls", key).await,
        (ok, "api_key calls:*".into())
    );
    assert_eq!(send(&router, "GET", "/calls/key", key).await.0, ok);

    let (status, body) = send(&router, "POST", "/oauth/token", key).await;
    assert_eq!(status, ok);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
    let bearer = ("authorization", bearer.as_str());
    assert_eq!(
        send(&router, "POST", "/calls", bearer).await,
        (ok, "bearer calls:*".into())
    );
    assert_eq!(
        send(&router, "GET", "/calls/key", bearer).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        send(&router, "POST", "/oauth/token", bearer).await.0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn requests_without_credentials_and_readers_are_rejected_with_problem_details() {
    let (router, registry) = axum_router::service().unwrap();
    let new = NewKey::new("reader", "calls:read".parse().unwrap());
    let key = registry
        .create_key(&Caller::operator("test"), new)
        .await
        .unwrap()
        .issued
        .key;
    let (status, body) = send(&router, "GET", "/calls", ("accept", "*/*")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        body,
        r#"{"status":401,"title":"Unauthorized","detail":"Credentials are required."}"#
    );
    let reader = send(&router, "POST", "/calls", ("x-api-key", key.expose())).await;
    assert_eq!(reader.0, StatusCode::FORBIDDEN);
}
