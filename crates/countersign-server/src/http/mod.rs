//! The HTTP side: which path leads where, and the process's connections.

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
use countersign::auth::{AuthLayer, PrimaryAuthenticator};
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, Jwt};
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
    let whoami = get(whoami::whoami).route_layer(any_credential(store, issuer)?);
    let published = AuthorizationServer::new(issuer.clone(), config.issuer.oauth.path.as_str());

    let mut routes = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz).with_state(store.clone()))
        .route(&under(WHOAMI), whoami)
        .route_service(&under(AuthorizationServer::JWKS_PATH), published.jwks());
    let wire = &config.issuer.oauth;
    if wire.enabled {
        let metadata = AuthorizationServer::METADATA_PATH;
        routes = routes
            .route_service(&under(&wire.path), oauth(config, store, issuer)?)
            // RFC 8414 §3.1 puts the issuer's path behind the well-known one.
            .route_service(&format!("{metadata}{mount}"), published.metadata());
        if !mount.is_empty() {
            // And many clients put it in front.
            routes = routes.route_service(&under(metadata), published.metadata());
        }
    }
    let observer = Observer::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(routes.layer(middleware::from_fn_with_state(observer, observe::observe)))
}

/// The oauth wire: keys alone, no passwords.
fn oauth(config: &Config, store: &Store, issuer: &Issuer) -> Result<TokenEndpoint<OAuth>, Failure> {
    let directory = store.directory();
    let authenticator = PrimaryAuthenticator::builder()
        .primary(ApiKeys::new(directory.clone(), store.peppers()))
        .primary(Basic::new(directory, store.peppers()))
        .build()?;
    let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom)
        .with_terms(issuer::oauth_terms(&config.issuer))?;
    let limit = config.server.body_limit;
    let wire = OAuth::default();
    Ok(TokenEndpoint::with_body_limit(
        wire,
        authenticator,
        mint,
        limit,
    ))
}

/// Lets in whoever has a valid credential of any kind.
fn any_credential(store: &Store, issuer: &Issuer) -> Result<AuthLayer<ProblemDetails>, Failure> {
    let directory = store.directory();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let hasher = PasswordHasher::new(cores, &SystemRandom)
        .map_err(|error| Failure::new(format!("passwords cannot be checked: {error}")))?;
    let layer = AuthLayer::builder()
        .mechanism(Jwt::new([issuer::trusted(issuer, store)?]))
        .primary(ApiKeys::new(directory.clone(), store.peppers()))
        .primary(Basic::new(directory, store.peppers()).passwords(hasher))
        .reject_body(ProblemDetails)
        .build()?;
    Ok(layer)
}
