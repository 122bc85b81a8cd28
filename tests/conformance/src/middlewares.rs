//! The middlewares that are compared.

use std::error::Error;
use std::time::Duration;

use axum_07::Router;
use axum_07::routing::get;
use countersign::auth::AuthLayer;
use countersign::mechanism::Jwt;
use countersign::require::{require, scope};
use countersign::testing::TestIssuer;
use countersign_conformance::{CallCounter, Report, Suite, Target};
use jwt_authorizer::{Authorizer, IntoLayer, JwtAuthorizer, Refresh, RegisteredClaims, Validation};
use serde::Deserialize;
use tokio::net::TcpListener;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;

use crate::forward::keys_without_query;

type BoxError = Box<dyn Error + Send + Sync>;

/// The path of the route that requires a scope.
const SCOPED: &str = "/scoped";
/// The interval at which the other middlewares fetch keys. Their defaults are 60 s and 600 s, too long for a test.
const REFRESH: Duration = Duration::from_millis(500);

/// Runs the suite with `countersign`.
///
/// # Errors
///
/// Returns an error if the middleware or its service could not be set up.
pub async fn countersign() -> Result<Report, BoxError> {
    let suite = Suite::default().scope(SCOPED);
    suite
        .run(async |issuer: &TestIssuer| {
            let jwt = Jwt::issuer(issuer.url())
                .audience(TestIssuer::AUDIENCE)
                .build()?;
            let calls = CallCounter::default();
            let scoped = handler(SCOPED, &calls).layer(require(scope(Suite::SCOPE))?);
            let layer = AuthLayer::builder().mechanism(jwt.clone()).build()?;
            let app = handler("/", &calls).merge(scoped).layer(layer);
            Ok(serve(app, &calls).await?.refresh_keys(move || {
                let jwt = jwt.clone();
                async move {
                    for keys in jwt.issuers().filter_map(|issuer| issuer.remote_keys()) {
                        // In some cases the issuer's response is invalid on purpose.
                        let _ = keys.refresh().await;
                    }
                }
            }))
        })
        .await
}

/// Runs the suite with `tower-oauth2-resource-server`. It cannot require a scope: handlers check the claims.
///
/// # Errors
///
/// Returns an error if the middleware or its service could not be set up.
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
            let calls = CallCounter::default();
            let app = handler("/", &calls).layer(server.into_layer());
            Ok(serve(app, &calls).await?.refresh_keys(wait_for_refresh))
        })
        .await
}

/// Runs the suite with `jwt-authorizer`. It requires a scope by a check of the claims.
///
/// # Errors
///
/// Returns an error if the middleware or its service could not be set up.
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
            let calls = CallCounter::default();
            let scoped = handler(SCOPED, &calls).layer(scoped.into_layer());
            let app = handler("/", &calls).layer(plain.into_layer()).merge(scoped);
            Ok(serve(app, &calls).await?.refresh_keys(wait_for_refresh))
        })
        .await
}

/// Configures `jwt-authorizer` as its documentation does, with a short interval between two fetches.
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

/// Waits until the other middlewares fetch keys again.
async fn wait_for_refresh() {
    tokio::time::sleep(REFRESH * 2).await;
}

fn handler(path: &str, calls: &CallCounter) -> Router {
    let calls = calls.clone();
    Router::new().route(path, get(async move || calls.increment()))
}

/// Serves the router on a free port of the loopback interface until the runtime stops.
async fn serve(app: Router, calls: &CallCounter) -> Result<Target, BoxError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum_07::serve(listener, app).await });
    Ok(Target::url(&url)?.count_calls(calls))
}
