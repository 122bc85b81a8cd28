//! The HTTP server: its routes, its middleware and its connections.

mod admin;
mod authenticators;
mod connections;
mod counted_wire;
mod dashboard;
mod erased;
mod feed;
mod gateway;
mod health;
mod host;
mod issuer;
mod json;
mod limits;
mod metrics;
mod observe;
mod openapi;
mod problem;
mod shortcuts;
mod signals;
mod store_runtime;
mod whoami;

use std::sync::Arc;

use axum::{Extension, Router};
use countersign::credentials::AllowedOrigins;
use countersign::jose::SigningKeys;
use countersign::random::SystemRandom;
use countersign::time::SystemClock;
use countersign::token::TrustedIssuer;
use countersign_cli::config::Config;
use countersign_cli::error::CommandError;
use countersign_cli::issuer::ConfiguredIssuer;
use countersign_store::Store;
use tokio::runtime::Handle;
use tower::util::option_layer;

pub(crate) use connections::{CurrentRoutes, Endpoint, Shutdown, Tls, serve};
pub(crate) use dashboard::PATH as DASHBOARD;
pub(crate) use health::Draining;
pub(crate) use limits::Limits;
pub(crate) use metrics::Metrics;
pub(crate) use shortcuts::ServedRoutes;
pub(crate) use signals::Signals;

use admin::Admin;
use authenticators::Authenticators;
use feed::FeedSettings;
use observe::Observer;
use store_runtime::on_store_runtime;

/// The path of the endpoint that shows who is calling, below an issuer's path.
pub(crate) const WHOAMI: &str = "/whoami";

/// Returns the path of an issuer's URL, below which its endpoints are mounted. It is empty if the URL has no path.
pub(crate) fn mount(issuer_url: &str) -> &str {
    countersign::url::split(issuer_url).1
}

/// What stays the same when the configuration is read again.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) draining: Draining,
    pub(crate) metrics: Metrics,
    /// The runtime of the store.
    pub(crate) store_runtime: Handle,
    /// The keys that sign the feed.
    pub(crate) feed_keys: SigningKeys,
}

/// Returns the routes of the address for the operators' own machines: probes and metrics, without authentication.
pub(crate) fn management_routes(store: &Store, process: &Process) -> Router {
    let health = health::routes(store.clone(), process.draining.clone());
    health
        .into_router()
        .merge(metrics::open_route(process.metrics.clone()))
}

/// Returns all routes with their middleware.
pub(crate) fn routes(
    config: &Config,
    store: &Store,
    issuers: &[ConfiguredIssuer],
    external: &[TrustedIssuer],
    limits: &Limits,
    process: &Process,
) -> Result<ServedRoutes, CommandError> {
    let authenticators = Authenticators::new(config, store, limits);
    let common = issuer::Common {
        store,
        external,
        runtime: &process.store_runtime,
        authenticators: &authenticators,
        limits,
        body_limit: config.server.body_limit,
        feed: FeedSettings {
            keys: process.feed_keys.clone(),
            longest_wait: config.server.request_timeout / 2,
            max_staleness: config.store.max_staleness,
        },
    };
    let admin = Admin::new(config, store, issuers, &authenticators, limits)?;
    let mut routes = health::routes(store.clone(), process.draining.clone())
        .tagged("server")
        .merge(on_store_runtime(admin.routes()?, &process.store_runtime));
    let own: Result<Vec<_>, _> = issuers.iter().map(|one| one.trusted(store)).collect();
    let own = own?;
    if !config.gateway.is_empty() {
        let trusted = own.iter().chain(external).cloned();
        let gateway = gateway::routes(&config.gateway, &authenticators, trusted)?;
        routes = routes.merge(gateway.tagged("server"));
    }
    let metrics = metrics::routes(process.metrics.clone(), store, &authenticators, own)?;
    routes = routes.merge(metrics.tagged("server"));
    for one in issuers {
        routes = routes.merge(issuer::routes(&common, one)?);
    }
    // The interface of the dashboard is for its own pages, and not in the document.
    let (router, shortcuts) = routes.finish()?;
    let router = router.merge(dashboard::routes(&admin, issuers, process)?);
    let origins = &config.server.cors_origins;
    let origins = (!origins.is_empty()).then(|| AllowedOrigins::new(origins.clone()));
    let observer = Observer::new(
        config.log.access,
        config.server.request_timeout,
        Arc::new(SystemClock),
        SystemRandom,
    );
    // One `layer` for all of them: axum boxes the service and its future once for each call.
    let layers = (
        observer.clone(),
        option_layer(origins.clone().map(Extension)),
    );
    let router = router.layer(layers);
    Ok(ServedRoutes::new(router, shortcuts, observer, origins))
}
