//! The documents that an issuer publishes: metadata (RFC 8414) and key set (RFC 7517).

use countersign::jose::KeySet;
use countersign_wire::{AuthorizationServer, Document};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::fixture::Fixture;

async fn get(document: Document, tag: Option<&str>) -> (Response<()>, String) {
    let mut request = Request::get("/");
    if let Some(tag) = tag {
        request = request.header("if-none-match", tag);
    }
    let response = document.oneshot(request.body(()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        Response::from_parts(head, ()),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn metadata_has_exactly_the_members_of_a_server_without_optional_endpoints() {
    let fixture = Fixture::new().await;
    let server = AuthorizationServer::new(fixture.issuer.clone(), "/oauth/token");
    let (response, body) = get(server.metadata(), None).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body,
        json!({
            "issuer": "https://auth.example",
            "token_endpoint": "https://auth.example/oauth/token",
            "jwks_uri": "https://auth.example/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        })
    );
}

#[tokio::test]
async fn key_set_is_public_cacheable_and_can_be_loaded() {
    let fixture = Fixture::new().await;
    let server = AuthorizationServer::new(fixture.issuer.clone(), "/oauth/token");
    let (response, body) = get(server.jwks(), None).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/jwk-set+json"
    );
    assert_eq!(response.headers()["cache-control"], "public, max-age=300");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(!body.contains("\"d\""), "the key set has a private key");
    let (set, dropped) = KeySet::from_jwks(&body).unwrap();
    assert_eq!((set.len(), dropped.len()), (1, 0));

    let tag = response.headers()["etag"].to_str().unwrap();
    for known in [tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
        let (response, body) = get(server.jwks(), Some(known)).await;
        assert_eq!(
            (response.status().as_u16(), body.as_str()),
            (304, ""),
            "{known}"
        );
        assert_eq!(response.headers()["etag"], tag);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }
    let (response, _) = get(server.jwks(), Some("\"other\"")).await;
    assert_eq!(response.status(), 200);
}
