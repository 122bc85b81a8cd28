//! Managed tokens are separate for each issuer and each environment.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::directory::EnvironmentKind;
use countersign::jose::{Algorithm, SigningKey};
use countersign::mint::{Issuer, Mint};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, NewKey, Owner, Registry as _};
use countersign_wire::{CredentialLimit, ManagedTokenResource};
use http::{Method, Request};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fixture::{Fixture, Key, ManagedToken, URL};
use crate::response::TestResponse;

fn at_issuer(fixture: &Fixture, name: &str) -> ManagedTokenResource {
    let issuer = Issuer::builder(format!("{URL}/{name}"))
        .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
        .build()
        .unwrap();
    let mint = Mint::new(issuer, fixture.clock.clone(), SystemRandom);
    let authenticator = fixture.layer.authenticator().clone();
    ManagedTokenResource::new(authenticator, mint, fixture.registry.clone()).of_issuer(name)
}

async fn send(
    resource: &ManagedTokenResource,
    method: Method,
    path: &str,
    key: &Key,
    body: &Value,
) -> TestResponse {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("x-api-key", &key.key)
        .body(http_body_util::Full::<Bytes>::from(body.to_string()))
        .unwrap();
    TestResponse::read(resource.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn token_of_one_issuer_is_not_found_at_another() {
    let fixture = Fixture::new().await;
    let [core, other] = ["core", "other"].map(|name| at_issuer(&fixture, name));
    let body = json!({"token_scope": "account"});
    let created = send(&core, Method::POST, "/", &fixture.admin, &body)
        .await
        .ok();
    let id = ManagedToken::from_response(&created).id;
    let absent = send(
        &other,
        Method::GET,
        "/013xrzp12g3nqk8n7f8f9jbg8d18q7tm",
        &fixture.admin,
        &json!({}),
    )
    .await;
    for (method, path) in [
        (Method::GET, format!("/{id}")),
        (Method::POST, format!("/{id}/suspend")),
        (Method::POST, format!("/{id}/revoke")),
        (Method::DELETE, format!("/{id}")),
    ] {
        let response = send(&other, method, &path, &fixture.admin, &json!({})).await;
        assert_eq!(
            response.status_and_body(),
            absent.status_and_body(),
            "{path}"
        );
        assert_eq!(response.status, 404);
    }
    let listed = send(&other, Method::GET, "/", &fixture.admin, &json!({})).await;
    assert_eq!(listed.json()["pagination"]["item_count"], 0);
    let listed = send(&core, Method::GET, "/", &fixture.admin, &json!({})).await;
    assert_eq!(listed.json()["pagination"]["item_count"], 1);
}

#[tokio::test]
async fn stored_response_of_one_issuer_is_not_returned_at_another() {
    let fixture = Fixture::new().await;
    let [core, other] = ["core", "other"].map(|name| at_issuer(&fixture, name));
    let body = json!({"token_scope": "account", "idempotency_key": "once"});
    send(&core, Method::POST, "/", &fixture.admin, &body)
        .await
        .ok();
    let again = send(&other, Method::POST, "/", &fixture.admin, &body).await;
    assert_eq!(again.code(), (409, "idempotency_conflict".into()));
}

#[tokio::test]
async fn key_of_a_sandbox_creates_tokens_only_for_that_sandbox() {
    let fixture = Fixture::new().await;
    let operator = Caller::operator("test");
    let owner = Owner {
        account: Some(fixture.admin.account),
        environment: Some(fixture.sandbox.id),
    };
    let new = NewKey::new("sandboxed", "api_token:*".parse().unwrap()).owner(owner);
    let key = fixture.registry.create_key(&operator, new).await.unwrap();
    let production =
        countersign::registry::NewEnvironment::new("production", EnvironmentKind::Production)
            .account(fixture.admin.account);
    let production = fixture
        .registry
        .create_environment(&operator, production)
        .await
        .unwrap();
    let headers = [("x-api-key", key.issued.key.expose())];
    for rejected in [
        json!({"token_scope": "account"}),
        json!({"token_scope": "environment", "environment_id": production.id}),
    ] {
        let response = fixture.create_by(&headers, rejected).await;
        assert_eq!(response.code(), (422, "validation_errors".into()));
        assert!(response.json()["errors"]["environment_id"].is_array());
    }
    let own = json!({"token_scope": "environment", "environment_id": fixture.sandbox.id});
    fixture.create_by(&headers, own).await.ok();
}

#[tokio::test]
async fn changes_count_towards_the_limit_of_creations() {
    let fixture = Fixture::new().await;
    let limit = CredentialLimit::new(
        "mints",
        NonZeroU32::new(3).unwrap(),
        Duration::from_secs(60),
    );
    let resource = at_issuer(&fixture, "core").limit(limit);
    let body = json!({"token_scope": "account"});
    let created = send(&resource, Method::POST, "/", &fixture.admin, &body)
        .await
        .ok();
    let path = format!("/{}/activate", ManagedToken::from_response(&created).id);
    for status in [200, 200, 429, 429] {
        let response = send(&resource, Method::POST, &path, &fixture.admin, &json!({})).await;
        assert_eq!(response.status, status);
    }
}
