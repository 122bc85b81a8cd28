//! The HTTP side: which path leads where, and the process's connections.

mod admin;
mod client_address;
mod connections;
mod health;
mod observe;
mod signals;
mod whoami;

use std::num::NonZero;
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use countersign::auth::{AuthBuilder, AuthLayer, PrimaryAuthenticator};
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, FailureLimit, Jwt};
use countersign::mint::{Issuer, Mint};
use countersign::random::SystemRandom;
use countersign::rejection::ProblemDetails;
use countersign::time::SystemClock;
use countersign_store::Store;
use countersign_wire::{AuthorizationServer, OAuth, TokenEndpoint};

use crate::config::{Config, value};
use crate::failure::Failure;
use crate::issuer;

pub(crate) use connections::{Ended, serve};
pub(crate) use signals::Signals;

use client_address::Proxies;
use observe::Observer;

/// Where anybody learns who they are.
pub(crate) const WHOAMI: &str = "/whoami";

/// The path under which an issuer of this URL is mounted; empty for one without a path.
pub(crate) fn mount(issuer_url: &str) -> &str {
    value::url_path(issuer_url)
}

/// All routes.
pub(crate) fn routes(config: &Config, store: &Store, issuer: &Issuer) -> Result<Router, Failure> {
    let mount = mount(issuer.url());
    let under = |path: &str| format!("{mount}{path}");
    // One for all that judge: whoever guesses at one endpoint has guessed at every other.
    let limit = failure_limit(config);
    let hasher = hasher()?;
    let judge = || any_credential(store, issuer, &limit, &hasher);
    let whoami: AuthLayer<_> = judge()?.reject_body(ProblemDetails).build()?;
    let whoami = get(whoami::whoami).route_layer(whoami);
    let admin = admin::routes(config, store, issuer, hasher.clone(), judge()?)?;
    let published = AuthorizationServer::new(issuer.clone(), config.issuer.oauth.path.as_str());

    let mut routes = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz).with_state(store.clone()))
        .merge(admin)
        .route(&under(WHOAMI), whoami)
        .route_service(&under(AuthorizationServer::JWKS_PATH), published.jwks());
    let wire = &config.issuer.oauth;
    if wire.enabled {
        let metadata = AuthorizationServer::METADATA_PATH;
        routes = routes
            .route_service(&under(&wire.path), oauth(config, store, issuer, &limit)?)
            // RFC 8414 §3.1 puts the issuer's path behind the well-known one.
            .route_service(&format!("{metadata}{mount}"), published.metadata());
        if !mount.is_empty() {
            // And many clients put it in front.
            routes = routes.route_service(&under(metadata), published.metadata());
        }
    }
    let observer = Observer::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    let proxies = Proxies::new(config.server.trusted_proxies.clone());
    Ok(routes
        .layer(middleware::from_fn_with_state(
            proxies,
            client_address::locate,
        ))
        .layer(middleware::from_fn_with_state(observer, observe::observe)))
}

fn failure_limit(config: &Config) -> FailureLimit {
    let rate = config.limits.failed_authentications;
    FailureLimit::new(rate.burst, rate.per)
}

/// The oauth wire: keys alone, no passwords.
fn oauth(
    config: &Config,
    store: &Store,
    issuer: &Issuer,
    failures: &FailureLimit,
) -> Result<TokenEndpoint<OAuth>, Failure> {
    let directory = store.directory();
    let keys = ApiKeys::new(directory.clone(), store.peppers());
    let basic = Basic::new(directory, store.peppers());
    let authenticator = PrimaryAuthenticator::builder()
        .primary(keys.failure_limit(failures.clone()))
        .primary(basic.failure_limit(failures.clone()))
        .build()?;
    let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom)
        .with_terms(issuer::oauth_terms(&config.issuer))?;
    let limit = config.server.body_limit;
    Ok(TokenEndpoint::new(OAuth::default(), authenticator, mint).body_limit(limit))
}

/// One for all routes: so many passwords are hashed at once, and no more.
fn hasher() -> Result<PasswordHasher, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    PasswordHasher::new(cores, &SystemRandom)
        .map_err(|error| Failure::new(format!("passwords cannot be checked: {error}")))
}

/// Lets in whoever has a valid credential of any kind.
fn any_credential(
    store: &Store,
    issuer: &Issuer,
    failures: &FailureLimit,
    hasher: &PasswordHasher,
) -> Result<AuthBuilder, Failure> {
    let directory = store.directory();
    let keys = ApiKeys::new(directory.clone(), store.peppers());
    let basic = Basic::new(directory, store.peppers()).passwords(hasher.clone());
    Ok(AuthLayer::builder()
        .mechanism(Jwt::new([issuer::trusted(issuer, store)?]))
        .primary(keys.failure_limit(failures.clone()))
        .primary(basic.failure_limit(failures.clone())))
}
