//! The limit on the requests of each credential.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use countersign::mechanism::Jwt;
use countersign_wire::{
    CredentialLimit, Introspection, ManagedTokenResource, Revocation, SessionResource,
};
use http::Method;

use crate::fixture::{FORM, Fixture, TOKENS};
use crate::unavailable::UnreachableRegistry;

/// Mounts all resources with a limit of two requests in a minute, over a registry that cannot be reached.
async fn limited() -> Fixture {
    let mut fixture = Fixture::new().await;
    let limit = || {
        let burst = NonZeroU32::new(2).unwrap();
        CredentialLimit::new("writes", burst, Duration::from_secs(60))
    };
    let (authenticator, registry) = (&fixture.authenticator, Arc::new(UnreachableRegistry));
    let jwt = Jwt::new([fixture.issuer.trusted().build().unwrap()]);
    let tokens = fixture.layer.authenticator().clone();
    let tokens = ManagedTokenResource::new(tokens, fixture.mint.clone(), registry.clone());
    let sessions = SessionResource::new(authenticator.clone(), registry.clone());
    let introspection = Introspection::new(authenticator.clone(), jwt.clone());
    let revocation = Revocation::new(authenticator.clone(), jwt, fixture.registry.clone());
    fixture.router = Router::new()
        .nest_service(TOKENS, tokens.limit(limit()))
        .nest_service("/auth/sessions", sessions.limit(limit()))
        .route_service("/oauth/introspect", introspection.limit(limit()))
        .route_service(
            "/oauth/revoke",
            revocation.sessions(registry).limit(limit()),
        );
    fixture
}

#[tokio::test]
async fn every_operation_of_a_credential_is_limited_before_the_registry_is_reached() {
    let id = "0".repeat(32);
    let create = r#"{"token_scope":"account"}"#;
    for (method, path, body) in [
        (Method::POST, TOKENS.to_owned(), create),
        (Method::GET, TOKENS.to_owned(), ""),
        (Method::POST, format!("{TOKENS}/{id}/revoke"), ""),
        (Method::DELETE, format!("{TOKENS}/{id}"), ""),
        (Method::GET, "/auth/sessions".to_owned(), ""),
        (Method::DELETE, "/auth/sessions?session_id=x".to_owned(), ""),
        (Method::DELETE, format!("/auth/sessions/{id}"), ""),
        (Method::POST, "/oauth/introspect".to_owned(), "token=x"),
        (Method::POST, "/oauth/revoke".to_owned(), "token=x"),
    ] {
        let fixture = limited().await;
        let send = async |key: &str| {
            let headers = [("x-api-key", key), FORM];
            fixture.send(method.clone(), &path, &headers, body).await
        };
        for _ in 0..2 {
            let response = send(&fixture.admin.key).await;
            assert_ne!(response.status, 429, "{method} {path}");
        }
        let limited = send(&fixture.admin.key).await;
        assert_eq!(limited.status, 429, "{method} {path}");
        assert_eq!(limited.header("retry-after"), Some("30"));
        assert_eq!(limited.header("ratelimit"), Some(r#""writes";r=0;t=30"#));
        assert_eq!(
            limited.header("ratelimit-policy"),
            Some(r#""writes";q=2;w=60"#)
        );
        // Other credentials are not affected, and rejected ones are not counted.
        let other = fixture.key("*").await;
        assert_ne!(send(&other.key).await.status, 429, "{method} {path}");
        assert_eq!(send("no key").await.status, 401, "{method} {path}");
        fixture.clock.advance(Duration::from_secs(30));
        assert_ne!(
            send(&fixture.admin.key).await.status,
            429,
            "{method} {path}"
        );
    }
}
