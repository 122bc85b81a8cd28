//! What was never judged is 503: not refused, not inactive, not done.

use std::sync::Arc;

use axum::Router;
use countersign::directory::{Credential, Directory, StaleView, UserName};
use countersign::mechanism::Jwt;
use countersign::mint::AccessToken;
use countersign::registry::{
    Caller, Change, IdempotencyKey, IdempotentOutcome, ManagedTokens, NewToken, Record,
    RegistryError, Session, SessionError, SessionRequest, SessionSelector, Sessions,
};
use countersign::time::Timestamp;
use countersign::{BoxFuture, Id};
use countersign_wire::{Introspection, ManagedTokenResource, Revocation, SessionResource};
use http::Method;
use serde_json::json;

use crate::fixture::{FORM, TOKENS, World};

/// A directory that vouches for nothing.
struct Aged;

impl Directory for Aged {
    fn credential(&self, _: &Id) -> Option<Credential> {
        None
    }

    fn user(&self, _: &UserName) -> Option<Credential> {
        None
    }

    fn lowest_generation(&self, _: &Id) -> Option<u32> {
        None
    }

    fn is_denied(&self, _: &str, _: &Id) -> bool {
        false
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        Err(StaleView)
    }
}

/// Records that cannot be reached.
struct Down;

fn down<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, RegistryError>> {
    Box::pin(async { Err(RegistryError::unavailable("canary")) })
}

impl ManagedTokens for Down {
    fn create_token<'a>(
        &'a self,
        _: &'a Caller,
        _: NewToken,
        _: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>> {
        down()
    }

    fn change_token<'a>(
        &'a self,
        _: &'a Caller,
        _: Id,
        _: Change,
        _: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>> {
        down()
    }

    fn show_token<'a>(
        &'a self,
        _: &'a Caller,
        _: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        down()
    }

    fn list_tokens<'a>(
        &'a self,
        _: &'a Caller,
        _: u64,
        _: u32,
    ) -> BoxFuture<'a, Result<(Vec<Record>, u64), RegistryError>> {
        down()
    }
}

impl Sessions for Down {
    fn open<'a>(
        &'a self,
        _: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<AccessToken, SessionError>> {
        Box::pin(async { Err(SessionError::Unavailable("canary".into())) })
    }

    fn list_sessions<'a>(
        &'a self,
        _: &'a Caller,
        _: Id,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Session>, RegistryError>> {
        down()
    }

    fn end_sessions<'a>(
        &'a self,
        _: &'a Caller,
        _: Id,
        _: SessionSelector,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        down()
    }
}

#[tokio::test]
async fn a_token_that_was_not_judged_is_neither_inactive_nor_revoked() {
    let mut world = World::new().await;
    let token = world.access_token(&world.admin).await;
    let trusted = world.issuer.trusted().directory(Arc::new(Aged));
    let jwt = Jwt::new([trusted.build().unwrap()]);
    let introspection = Introspection::new(world.authenticator.clone(), jwt.clone());
    let revocation = Revocation::new(world.authenticator.clone(), jwt, world.registry.clone());
    let fresh = std::mem::replace(
        &mut world.router,
        Router::new()
            .route_service("/introspect", introspection.clock(world.clock.clone()))
            .route_service("/revoke", revocation.clock(world.clock.clone())),
    );
    for path in ["/introspect", "/revoke"] {
        let refused = world.ask(path, &world.admin, &token).await;
        assert_eq!(
            refused.code(),
            (503, "temporarily_unavailable".into()),
            "{path}"
        );
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    world.router = fresh;
    assert!(world.lets_in(&token).await);
}

#[tokio::test]
async fn records_that_cannot_be_reached_are_503_everywhere_and_why_is_not_told() {
    let mut world = World::new().await;
    let id = world.token().await.id;
    let session = world.log_in(&world.admin, None).await;
    let managed = ManagedTokenResource::new(
        world.layer.clone(),
        world.authenticator.clone(),
        world.mint.clone(),
        Arc::new(Down),
    );
    let sessions = SessionResource::new(world.authenticator.clone(), Arc::new(Down));
    let jwt = Jwt::new([world.issuer.trusted().build().unwrap()]);
    let revocation = Revocation::new(world.authenticator.clone(), jwt, world.registry.clone());
    let revocation = revocation
        .sessions(Arc::new(Down))
        .clock(world.clock.clone());
    world.router = Router::new()
        .nest_service(TOKENS, managed)
        .nest_service("/auth/sessions", sessions)
        .route_service("/oauth/revoke", revocation);
    let create = json!({"token_scope": "account"}).to_string();
    let named = json!({"token_scope": "account", "idempotency_key": "k"}).to_string();
    let form = format!("token={session}");
    let of_session = "temporarily_unavailable";
    for (method, path, body, code) in [
        (Method::POST, TOKENS.to_owned(), create, "unavailable"),
        (Method::POST, TOKENS.to_owned(), named, "unavailable"),
        (Method::GET, TOKENS.to_owned(), String::new(), "unavailable"),
        (
            Method::GET,
            format!("{TOKENS}/{id}"),
            String::new(),
            "unavailable",
        ),
        (
            Method::POST,
            format!("{TOKENS}/{id}/revoke"),
            String::new(),
            "unavailable",
        ),
        (
            Method::GET,
            "/auth/sessions".into(),
            String::new(),
            of_session,
        ),
        (
            Method::DELETE,
            format!("/auth/sessions/{id}"),
            String::new(),
            of_session,
        ),
        (Method::POST, "/oauth/revoke".into(), form, of_session),
    ] {
        let headers = [FORM, ("x-api-key", &*world.admin.key)];
        let refused = world.send(method.clone(), &path, &headers, body).await;
        assert_eq!(refused.code(), (503, code.into()), "{method} {path}");
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(!refused.body.contains("canary"));
    }
}

#[tokio::test]
async fn a_stale_directory_is_503_everywhere() {
    let world = World::new().await;
    let managed = world.token().await;
    let token = world.access_token(&world.admin).await;
    world.log_in(&world.admin, None).await;
    world.go_stale();
    let key = ("x-api-key", &*world.admin.key);
    let (bearer, of_managed) = (format!("Bearer {token}"), managed.bearer());
    let form = format!("token={token}");
    let create = json!({"token_scope": "account"}).to_string();
    let id = &managed.id;
    let mut cases = vec![
        (
            Method::POST,
            TOKENS.to_owned(),
            vec![key],
            create,
            "unavailable",
        ),
        (
            Method::GET,
            "/auth/sessions".into(),
            vec![key],
            String::new(),
            "temporarily_unavailable",
        ),
        (
            Method::DELETE,
            "/auth/sessions?session_id=x".into(),
            vec![key],
            String::new(),
            "temporarily_unavailable",
        ),
        (
            Method::POST,
            "/oauth/introspect".into(),
            vec![FORM, key],
            form.clone(),
            "temporarily_unavailable",
        ),
        (
            Method::POST,
            "/oauth/revoke".into(),
            vec![FORM, key],
            form,
            "temporarily_unavailable",
        ),
    ];
    for headers in [
        key,
        ("authorization", &*bearer),
        ("authorization", &*of_managed),
    ] {
        for (method, path) in [
            (Method::GET, TOKENS.to_owned()),
            (Method::GET, format!("{TOKENS}/{id}")),
            (Method::POST, format!("{TOKENS}/{id}/revoke")),
            (Method::DELETE, format!("{TOKENS}/{id}")),
        ] {
            cases.push((method, path, vec![headers], String::new(), "unavailable"));
        }
    }
    for (method, path, headers, body, code) in cases {
        let refused = world.send(method.clone(), &path, &headers, body).await;
        assert_eq!(
            refused.code(),
            (503, code.into()),
            "{method} {path} {headers:?}"
        );
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(refused.challenges().is_empty());
    }
}
