//! 503 while the directory is stale or the registry cannot be reached.

use std::sync::Arc;

use axum::Router;
use countersign::mechanism::Jwt;
use countersign::mint::AccessToken;
use countersign::registry::backend::SessionRequest;
use countersign::registry::{
    Caller, Change, IdempotencyKey, IdempotentOutcome, ManagedTokens, NewToken, Record,
    RegistryError, Session, SessionError, SessionSelector, Sessions,
};
use countersign::time::Timestamp;
use countersign::{BoxFuture, Id};
use countersign_tests::CountingDirectory;
use countersign_wire::{Introspection, ManagedTokenResource, Revocation, SessionResource};
use http::Method;
use serde_json::json;

use crate::fixture::{FORM, Fixture, TOKENS};

/// A registry that cannot be reached.
pub struct UnreachableRegistry;

fn unreachable<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, RegistryError>> {
    Box::pin(async { Err(RegistryError::unavailable("canary")) })
}

impl ManagedTokens for UnreachableRegistry {
    fn create_token<'a>(
        &'a self,
        _: &'a Caller,
        _: NewToken,
        _: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>> {
        unreachable()
    }

    fn change_token<'a>(
        &'a self,
        _: &'a Caller,
        _: Id,
        _: Change,
        _: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>> {
        unreachable()
    }

    fn show_token<'a>(
        &'a self,
        _: &'a Caller,
        _: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>> {
        unreachable()
    }

    fn list_tokens<'a>(
        &'a self,
        _: &'a Caller,
        _: u64,
        _: u32,
    ) -> BoxFuture<'a, Result<(Vec<Record>, u64), RegistryError>> {
        unreachable()
    }
}

impl Sessions for UnreachableRegistry {
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
        unreachable()
    }

    fn end_sessions<'a>(
        &'a self,
        _: &'a Caller,
        _: Id,
        _: SessionSelector,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        unreachable()
    }
}

#[tokio::test]
async fn with_a_stale_directory_a_token_is_neither_inactive_nor_revoked() {
    let mut fixture = Fixture::new().await;
    let token = fixture.access_token(&fixture.admin).await;
    let directory = Arc::new(CountingDirectory::default());
    directory.go_stale();
    let trusted = fixture.issuer.trusted().directory(directory);
    let jwt = Jwt::new([trusted.build().unwrap()]);
    let introspection = Introspection::new(fixture.authenticator.clone(), jwt.clone());
    let revocation = Revocation::new(fixture.authenticator.clone(), jwt, fixture.registry.clone());
    let fresh = std::mem::replace(
        &mut fixture.router,
        Router::new()
            .route_service("/introspect", introspection)
            .route_service("/revoke", revocation),
    );
    for path in ["/introspect", "/revoke"] {
        let rejected = fixture.post_token(path, &fixture.admin, &token).await;
        assert_eq!(
            rejected.code(),
            (503, "temporarily_unavailable".into()),
            "{path}"
        );
        assert_eq!(rejected.header("retry-after"), Some("1"));
    }
    fixture.router = fresh;
    assert!(fixture.accepts(&token).await);
}

#[tokio::test]
async fn an_unreachable_registry_is_503_everywhere_without_its_cause() {
    let mut fixture = Fixture::new().await;
    let id = fixture.token().await.id;
    let session = fixture.log_in(&fixture.admin, None).await;
    let managed = ManagedTokenResource::new(
        fixture.layer.authenticator().clone(),
        fixture.mint.clone(),
        Arc::new(UnreachableRegistry),
    );
    let sessions =
        SessionResource::new(fixture.authenticator.clone(), Arc::new(UnreachableRegistry));
    let jwt = Jwt::new([fixture.issuer.trusted().build().unwrap()]);
    let revocation = Revocation::new(fixture.authenticator.clone(), jwt, fixture.registry.clone());
    let revocation = revocation.sessions(Arc::new(UnreachableRegistry));
    fixture.router = Router::new()
        .nest_service(TOKENS, managed)
        .nest_service("/auth/sessions", sessions)
        .route_service("/oauth/revoke", revocation);
    let create = json!({"token_scope": "account"}).to_string();
    let named = json!({"token_scope": "account", "idempotency_key": "k"}).to_string();
    let form = format!("token={session}");
    let oauth_code = "temporarily_unavailable";
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
            oauth_code,
        ),
        (
            Method::DELETE,
            format!("/auth/sessions/{id}"),
            String::new(),
            oauth_code,
        ),
        (Method::POST, "/oauth/revoke".into(), form, oauth_code),
    ] {
        let headers = [FORM, ("x-api-key", &*fixture.admin.key)];
        let rejected = fixture.send(method.clone(), &path, &headers, body).await;
        assert_eq!(rejected.code(), (503, code.into()), "{method} {path}");
        assert_eq!(rejected.header("retry-after"), Some("1"));
        assert!(!rejected.body.contains("canary"));
    }
}

#[tokio::test]
async fn a_stale_directory_is_503_everywhere() {
    let fixture = Fixture::new().await;
    let managed = fixture.token().await;
    let token = fixture.access_token(&fixture.admin).await;
    fixture.log_in(&fixture.admin, None).await;
    fixture.go_stale();
    let key = ("x-api-key", &*fixture.admin.key);
    let (bearer, managed_bearer) = (format!("Bearer {token}"), managed.bearer());
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
        ("authorization", &*managed_bearer),
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
        let rejected = fixture.send(method.clone(), &path, &headers, body).await;
        assert_eq!(
            rejected.code(),
            (503, code.into()),
            "{method} {path} {headers:?}"
        );
        assert_eq!(rejected.header("retry-after"), Some("1"));
        assert!(rejected.challenges().is_empty());
    }
}
