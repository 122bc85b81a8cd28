//! What was good when a request began, and is not when its turn comes; and what one credential, issuer or sandbox
//! must not get by way of another.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use countersign::credentials::Credentials;
use countersign::directory::EnvironmentKind;
use countersign::jose::{Algorithm, SigningKey};
use countersign::mint::{IssuanceSettings, Issuer, Mint, MintParameters, MintRequest, SessionMint};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, Change, NewKey, Owner, Registry as _};
use countersign_wire::{ManagedTokenResource, MintLimit};
use http::{Method, Request};
use http_body_util::channel::Channel;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fixture::{Key, Managed, TOKENS, URL, World};
use crate::response::Answer;

/// Sends the head of a request and the first byte of its body, lets `meanwhile` happen, and then sends the rest.
async fn slowly<F: Future<Output = ()>>(
    world: &World,
    path: &str,
    authorization: &str,
    meanwhile: impl FnOnce() -> F,
) -> Answer {
    let (mut sender, body) = Channel::<Bytes, std::convert::Infallible>::new(1);
    let request = Request::post(path)
        .header("authorization", authorization)
        .body(body)
        .unwrap();
    let asked = tokio::spawn(world.router.clone().oneshot(request));
    sender.send_data(Bytes::from_static(b"{")).await.unwrap();
    // It holds one frame: the second is taken once the first was read, which is after the credentials were judged.
    sender.send_data(Bytes::from_static(b" ")).await.unwrap();
    sender.send_data(Bytes::from_static(b" ")).await.unwrap();
    meanwhile().await;
    sender.send_data(Bytes::from_static(b"}")).await.unwrap();
    drop(sender);
    Answer::of(asked.await.unwrap().unwrap()).await
}

#[tokio::test]
async fn bearer_revoked_while_its_request_waits_for_its_body_changes_nothing() {
    let world = World::new().await;
    let token = world.token().await;
    let path = format!("{TOKENS}/{}/revoke", token.id);
    let unharmed = async || {
        assert!(world.lets_in(&token.token).await);
    };

    let access = world.access_token(&world.admin).await;
    let bearer = format!("Bearer {access}");
    let answer = slowly(&world, &path, &bearer, || async {
        world
            .ask("/oauth/revoke", &world.admin, &access)
            .await
            .said();
    });
    assert_eq!(answer.await.code(), (401, "bad_authtoken".into()));
    unharmed().await;

    let session = world.log_in(&world.admin, None).await;
    let bearer = format!("Bearer {session}");
    let answer = slowly(&world, &path, &bearer, || async {
        world
            .ask("/oauth/revoke", &world.admin, &session)
            .await
            .said();
    });
    assert_eq!(answer.await.code(), (401, "bad_authtoken".into()));
    unharmed().await;

    let access = world.access_token(&world.admin).await;
    let bearer = format!("Bearer {access}");
    let answer = slowly(&world, &path, &bearer, || async {
        world.clock.advance(Duration::from_secs(3600));
    });
    assert_eq!(answer.await.code(), (401, "bad_authtoken".into()));
    unharmed().await;

    let access = world.access_token(&world.admin).await;
    let bearer = format!("Bearer {access}");
    let answer = slowly(&world, &path, &bearer, || async {});
    assert_eq!(answer.await.status, 200, "control");
    assert!(!world.lets_in(&token.token).await);
}

#[tokio::test]
async fn registry_does_nothing_for_a_token_that_was_denied_before_its_turn_came() {
    let world = World::new().await;
    let token = world.token().await;
    let access = world.access_token(&world.admin).await;
    let trusted = world.issuer.trusted().build().unwrap();
    let judged = countersign::mechanism::Jwt::new([trusted])
        .introspect(&access, crate::fixture::NOW)
        .unwrap();
    let caller = Caller::of_account("test", world.admin.account).proven_by(&judged);
    world.ask("/oauth/revoke", &world.admin, &access).await.ok();
    use countersign::registry::ManagedTokens as _;
    let id = token.id.parse().unwrap();
    let refused = world
        .registry
        .change_token(&caller, id, Change::Suspend, None)
        .await;
    assert!(matches!(
        refused,
        Err(countersign::registry::RegistryError::CallerRevoked)
    ));
    assert!(world.lets_in(&token.token).await);
}

#[tokio::test]
async fn key_that_was_narrowed_does_not_get_its_wider_token_again() {
    let world = World::new().await;
    let key = world.key("api_token:* wallet:*").await;
    let body = json!({"token_scope": "account", "idempotency_key": "once"});
    let headers = [("x-api-key", &*key.key)];
    let first = Managed::of(&world.create_by(&headers, body.clone()).await.ok());
    let narrower = Change::Scopes("api_token:*".parse().unwrap());
    world.change(key.id, narrower).await;
    let again = world.create_by(&headers, body).await;
    assert_eq!(again.code(), (409, "idempotency_conflict".into()));
    assert!(!again.body.contains(&first.token));
}

fn at_issuer(world: &World, name: &str) -> ManagedTokenResource {
    let issuer = Issuer::builder(format!("{URL}/{name}"))
        .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
        .build()
        .unwrap();
    let mint = Mint::new(issuer, world.clock.clone(), SystemRandom);
    let (layer, judge) = (world.layer.clone(), world.authenticator.clone());
    ManagedTokenResource::new(layer, judge, mint, world.registry.clone()).of_issuer(name)
}

async fn ask(
    resource: &ManagedTokenResource,
    method: Method,
    path: &str,
    key: &Key,
    body: &Value,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("x-api-key", &key.key)
        .body(http_body_util::Full::<Bytes>::from(body.to_string()))
        .unwrap();
    Answer::of(resource.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn token_of_one_issuer_does_not_exist_at_another() {
    let world = World::new().await;
    let [core, other] = ["core", "other"].map(|name| at_issuer(&world, name));
    let body = json!({"token_scope": "account"});
    let made = ask(&core, Method::POST, "/", &world.admin, &body)
        .await
        .ok();
    let id = Managed::of(&made).id;
    let absent = ask(
        &other,
        Method::GET,
        "/013xrzp12g3nqk8n7f8f9jbg8d18q7tm",
        &world.admin,
        &json!({}),
    )
    .await;
    for (method, path) in [
        (Method::GET, format!("/{id}")),
        (Method::POST, format!("/{id}/suspend")),
        (Method::POST, format!("/{id}/revoke")),
        (Method::DELETE, format!("/{id}")),
    ] {
        let answer = ask(&other, method, &path, &world.admin, &json!({})).await;
        assert_eq!(answer.said(), absent.said(), "{path}");
        assert_eq!(answer.status, 404);
    }
    let listed = ask(&other, Method::GET, "/", &world.admin, &json!({})).await;
    assert_eq!(listed.json()["pagination"]["item_count"], 0);
    let listed = ask(&core, Method::GET, "/", &world.admin, &json!({})).await;
    assert_eq!(listed.json()["pagination"]["item_count"], 1);
}

#[tokio::test]
async fn answer_of_one_issuer_is_not_given_at_another() {
    let world = World::new().await;
    let [core, other] = ["core", "other"].map(|name| at_issuer(&world, name));
    let body = json!({"token_scope": "account", "idempotency_key": "once"});
    ask(&core, Method::POST, "/", &world.admin, &body)
        .await
        .ok();
    let again = ask(&other, Method::POST, "/", &world.admin, &body).await;
    assert_eq!(again.code(), (409, "idempotency_conflict".into()));
}

#[tokio::test]
async fn key_of_a_sandbox_makes_tokens_of_that_sandbox_alone() {
    let world = World::new().await;
    let operator = Caller::operator("test");
    let owner = Owner {
        account: Some(world.admin.account),
        environment: Some(world.sandbox.id),
    };
    let new = NewKey::new("sandboxed", "api_token:*".parse().unwrap()).owner(owner);
    let key = world.registry.create_key(&operator, new).await.unwrap();
    let production = countersign::registry::NewEnvironment {
        account: Some(world.admin.account),
        name: "real".to_owned(),
        kind: EnvironmentKind::Production,
    };
    let production = world
        .registry
        .create_environment(&operator, production)
        .await
        .unwrap();
    let headers = [("x-api-key", key.issued.key.expose())];
    for refused in [
        json!({"token_scope": "account"}),
        json!({"token_scope": "environment", "environment_id": production.id}),
    ] {
        let answer = world.create_by(&headers, refused).await;
        assert_eq!(answer.code(), (422, "validation_errors".into()));
        assert!(answer.json()["errors"]["environment_id"].is_array());
    }
    let own = json!({"token_scope": "environment", "environment_id": world.sandbox.id});
    world.create_by(&headers, own).await.ok();
}

#[tokio::test]
async fn changes_are_counted_as_creations_are() {
    let world = World::new().await;
    let limit = MintLimit::new(NonZeroU32::new(3).unwrap(), Duration::from_secs(60));
    let resource = at_issuer(&world, "core").mint_limit(limit);
    let body = json!({"token_scope": "account"});
    let made = ask(&resource, Method::POST, "/", &world.admin, &body)
        .await
        .ok();
    let path = format!("/{}/activate", Managed::of(&made).id);
    for status in [200, 200, 429, 429] {
        let answer = ask(&resource, Method::POST, &path, &world.admin, &json!({})).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn what_looks_like_a_key_or_a_token_is_not_repeated() {
    let world = World::new().await;
    let access = world.access_token(&world.admin).await;
    for secret in [&world.admin.key, &world.admin.secret, &access] {
        let body = json!({"token_scope": "account", "scopes": [secret]});
        let answer = world.create(body).await;
        assert_eq!(answer.status, 422);
        assert!(!answer.body.contains(&secret[..20]), "{}", answer.body);
    }
}

#[tokio::test]
async fn two_names_for_one_request_are_refused() {
    let world = World::new().await;
    let body = json!({"details": {"token_scope": "account", "idempotency_key": "a"}, "idempotency_key": "b"});
    let answer = world.create(body).await;
    assert_eq!(answer.code(), (422, "validation_errors".into()));
    assert!(answer.json()["errors"]["idempotency_key"].is_array());
}

#[tokio::test]
async fn session_of_other_terms_another_audience_or_a_clock_ahead_is_not_handed_out() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let sessions = |audience: &str, hours: u64| {
        let terms = IssuanceSettings {
            lifetime: Duration::from_secs(3600 * hours),
            max_lifetime: Duration::from_secs(3600 * hours),
            ..IssuanceSettings::default()
        };
        let issuer = Issuer::builder(URL)
            .audience(audience)
            .signing_key(key.clone())
            .terms(terms)
            .build()
            .unwrap();
        let mint = Mint::new(issuer, world.clock.clone(), SystemRandom);
        SessionMint::new(mint, Arc::clone(&world.registry) as _)
    };
    let log_in = async |sessions: SessionMint| {
        let credentials = Credentials::key(world.admin.key.clone().into());
        let principal = world.authenticator.authenticate(credentials).await.unwrap();
        let request = MintRequest::new(principal, MintParameters::default());
        let token = sessions.mint(&request, None).await.unwrap();
        (token.token.expose().to_owned(), token.expires_in)
    };
    let (first, left) = log_in(sessions("https://a.example", 2)).await;
    assert_eq!(left, 7200);
    assert_eq!(log_in(sessions("https://a.example", 2)).await.0, first);
    assert_ne!(log_in(sessions("https://b.example", 2)).await.0, first);
    // The verifiers of shorter terms would refuse it.
    let (shorter, left) = log_in(sessions("https://a.example", 1)).await;
    assert_eq!(left, 3600);
    assert_ne!(shorter, first);
    // By a clock that was set back, it begins in the future.
    world
        .clock
        .set(countersign::time::Timestamp::from_unix_seconds(
            crate::fixture::NOW.unix_seconds() - 1800,
        ));
    let (anew, left) = log_in(sessions("https://a.example", 2)).await;
    assert_eq!(left, 7200);
    assert_ne!(anew, first);
}
