//! Tokens in a cookie, where a resource shares the authenticator of a service for browsers.

use axum::Router;
use countersign::mechanism::Jwt;
use countersign_wire::{Introspection, ManagedTokenResource, Revocation, SessionResource};
use http::Method;

use crate::fixture::{FORM, Fixture, TOKENS};

const COOKIE: &str = "__Host-token";
const OWN_SITE: (&str, &str) = ("sec-fetch-site", "same-origin");
const CREATE: &str = r#"{"token_scope":"account"}"#;

async fn fixture() -> Fixture {
    let mut fixture = Fixture::new().await;
    let authenticator = fixture.authenticator_with_cookie(COOKIE);
    let registry = fixture.registry.clone();
    let jwt = || Jwt::new([fixture.issuer.trusted().build().unwrap()]);
    let mint = fixture.mint.clone();
    let managed = ManagedTokenResource::new(authenticator.clone(), mint, registry.clone());
    let sessions = SessionResource::new(authenticator.clone(), registry.clone());
    let revocation = Revocation::new(authenticator.clone(), jwt(), registry);
    let introspection = Introspection::new(authenticator, jwt());
    let resources = Router::new()
        .nest_service(TOKENS, managed)
        .nest_service("/auth/sessions", sessions)
        .route_service("/oauth/revoke", revocation)
        .route_service("/oauth/introspect", introspection);
    let others = std::mem::replace(&mut fixture.router, resources);
    fixture.router = fixture.router.nest("/others", others);
    fixture
}

// Chaining: CVE-2012-5563.
#[tokio::test]
async fn token_in_a_cookie_is_no_primary_credential_of_any_resource() {
    let fixture = fixture().await;
    let headers = [FORM, ("x-api-key", &*fixture.admin.key)];
    let grant = "grant_type=client_credentials";
    let issued = fixture
        .send(Method::POST, "/others/oauth/token", &headers, grant)
        .await;
    let token = issued.ok().json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let cookie = format!("{COOKIE}={token}");
    for site in [OWN_SITE, ("accept", "*/*")] {
        for (method, path, body) in [
            (Method::POST, TOKENS, CREATE.to_owned()),
            (Method::GET, "/auth/sessions", String::new()),
            (Method::DELETE, "/auth/sessions", String::new()),
            (Method::POST, "/oauth/revoke", format!("token={token}")),
            (Method::POST, "/oauth/introspect", format!("token={token}")),
        ] {
            let headers = [FORM, ("cookie", &*cookie), site];
            let rejected = fixture.send(method.clone(), path, &headers, body).await;
            assert_eq!(rejected.status, 403, "{method} {path} {site:?}");
        }
    }
    // A long-lived credential beside the cookie counts.
    let headers = [
        ("x-api-key", &*fixture.admin.key),
        ("cookie", &*cookie),
        OWN_SITE,
    ];
    let created = fixture.send(Method::POST, TOKENS, &headers, CREATE).await;
    created.ok();
}

#[tokio::test]
async fn token_in_a_cookie_changes_a_managed_token_only_from_the_own_site() {
    let fixture = fixture().await;
    let key = [("x-api-key", &*fixture.admin.key)];
    let created = fixture.send(Method::POST, TOKENS, &key, CREATE).await;
    let id = created.ok().json()["details"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let headers = [FORM, key[0]];
    let grant = "grant_type=client_credentials";
    let issued = fixture
        .send(Method::POST, "/others/oauth/token", &headers, grant)
        .await;
    let token = issued.ok().json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let cookie = format!("{COOKIE}={token}");
    let cookie = ("cookie", &*cookie);
    let listed = fixture.send(Method::GET, TOKENS, &[cookie], "").await;
    assert_eq!(listed.status, 200);
    let path = format!("{TOKENS}/{id}/suspend");
    for site in [
        ("accept", "*/*"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://other.example"),
    ] {
        let rejected = fixture.send(Method::POST, &path, &[cookie, site], "").await;
        assert_eq!(rejected.code(), (403, "cross_site".into()), "{site:?}");
    }
    let suspended = fixture
        .send(Method::POST, &path, &[cookie, OWN_SITE], "")
        .await;
    suspended.ok();
}
