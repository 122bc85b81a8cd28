//! The middlewares.

use std::error::Error;
use std::time::Duration;

use axum_07::Router;
use axum_07::routing::get;
use countersign::auth::AuthLayer;
use countersign::mechanism::Jwt;
use countersign::require::{require, scope};
use countersign::testing::TestIssuer;
use countersign::testing::conformance::{Calls, Report, Subject, Suite};
use jwt_authorizer::{Authorizer, IntoLayer, JwtAuthorizer, Refresh, RegisteredClaims, Validation};
use serde::Deserialize;
use tokio::net::TcpListener;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;

use crate::forward::keys_without_query;

type BoxError = Box<dyn Error + Send + Sync>;

/// Where a scope is required.
const SCOPED: &str = "/scoped";
/// How old the others let keys become here. Their defaults are 60 s and 600 s, which nobody wants to wait for.
const REFRESH: Duration = Duration::from_millis(500);

/// This crate's layer.
///
/// # Errors
///
/// When it could not be set up.
pub async fn countersign() -> Result<Report, BoxError> {
    let suite = Suite::default().scope(SCOPED);
    suite
        .run(async |issuer: &TestIssuer| {
            let jwt = Jwt::issuer(issuer.url())
                .audience(TestIssuer::AUDIENCE)
                .build()?;
            let calls = Calls::default();
            let scoped = handler(SCOPED, &calls).layer(require(scope(Suite::SCOPE))?);
            let layer = AuthLayer::builder().mechanism(jwt.clone()).build()?;
            let app = handler("/", &calls).merge(scoped).layer(layer);
            Ok(serve(app, &calls).await?.settle(move || {
                let jwt = jwt.clone();
                async move {
                    for keys in jwt.issuers().filter_map(|issuer| issuer.remote_keys()) {
                        // That the issuer's answer is not good is what some cases are about.
                        let _ = keys.refresh().await;
                    }
                }
            }))
        })
        .await
}

/// `tower-oauth2-resource-server` has no requirement of scopes: handlers look at the claims.
///
/// # Errors
///
/// When it could not be set up.
pub async fn tower_oauth2_resource_server() -> Result<Report, BoxError> {
    Suite::default()
        .run(async |issuer: &TestIssuer| {
            let tenant = TenantConfiguration::builder(issuer.url())
                .audiences(&[TestIssuer::AUDIENCE])
                .jwks_refresh_interval(REFRESH)
                .build()
                .await?;
            let server = <OAuth2ResourceServer>::builder()
                .add_tenant(tenant)
                .build()
                .await?;
            let calls = Calls::default();
            let app = handler("/", &calls).layer(server.into_layer());
            Ok(serve(app, &calls).await?.settle(refreshed))
        })
        .await
}

/// `jwt-authorizer` requires scopes by a check of the claims.
///
/// # Errors
///
/// When it could not be set up.
pub async fn jwt_authorizer() -> Result<Report, BoxError> {
    let suite = Suite::default().scope(SCOPED);
    suite
        .run(async |issuer: &TestIssuer| {
            let keys = keys_without_query(issuer).await?;
            let plain: Authorizer<RegisteredClaims> = authorizer(issuer, &keys).build().await?;
            let scoped: Authorizer<Scope> = authorizer(issuer, &keys)
                .check(|claims: &Scope| {
                    let scopes = claims.scope.as_deref().unwrap_or_default();
                    scopes.split(' ').any(|scope| scope == Suite::SCOPE)
                })
                .build()
                .await?;
            let calls = Calls::default();
            let scoped = handler(SCOPED, &calls).layer(scoped.into_layer());
            let app = handler("/", &calls).layer(plain.into_layer()).merge(scoped);
            Ok(serve(app, &calls).await?.settle(refreshed))
        })
        .await
}

/// The examples of its front page, with the least time between two fetches set.
fn authorizer<C>(issuer: &TestIssuer, keys: &str) -> JwtAuthorizer<C>
where
    C: Clone + serde::de::DeserializeOwned + Send + Sync,
{
    let validation = Validation::new()
        .iss(&[issuer.url()])
        .aud(&[TestIssuer::AUDIENCE])
        .nbf(true)
        .leeway(20);
    JwtAuthorizer::from_jwks_url(keys)
        .validation(validation)
        .refresh(Refresh {
            refresh_interval: REFRESH,
            retry_interval: REFRESH,
            ..Refresh::default()
        })
}

#[derive(Clone, Debug, Deserialize)]
struct Scope {
    scope: Option<String>,
}

/// The others fetch again when this time has passed.
async fn refreshed() {
    tokio::time::sleep(REFRESH * 2).await;
}

fn handler(path: &str, calls: &Calls) -> Router {
    let calls = calls.clone();
    Router::new().route(path, get(async move || calls.add()))
}

/// Serves it on a free port of the loopback, as long as the runtime lives.
async fn serve(app: Router, calls: &Calls) -> Result<Subject, BoxError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum_07::serve(listener, app).await });
    Ok(Subject::url(&url)?.calls(calls))
}
