//! The HTTP side: which path leads where, and the process's connections.

mod admin;
mod client_address;
mod connections;
mod health;
mod issuer;
mod judges;
mod observe;
mod openapi;
mod signals;
mod unread;
mod whoami;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use countersign::random::SystemRandom;
use countersign::time::SystemClock;
use countersign_store::Store;
use countersign_wire::MintLimit;

use crate::config::Config;
use crate::failure::Failure;
use crate::issuer::Configured;

pub(crate) use connections::{Ended, serve};
pub(crate) use openapi::values;
pub(crate) use signals::Signals;

use client_address::Proxies;
use judges::Shared;
use observe::Observer;
use openapi::{Routes, get};

/// Where anybody learns who they are.
pub(crate) const WHOAMI: &str = "/whoami";

/// The path under which an issuer of this URL is mounted; empty for one without a path.
pub(crate) fn mount(issuer_url: &str) -> &str {
    countersign::url::split(issuer_url).1
}

/// All routes.
pub(crate) fn routes(
    config: &Config,
    store: &Store,
    issuers: &[Configured],
) -> Result<Router, Failure> {
    let shared = Shared::new(config, store)?;
    let rate = config.limits.mints;
    let common = issuer::Common {
        store,
        judges: &shared,
        mints: MintLimit::new(rate.burst, rate.per),
        body_limit: config.server.body_limit,
    };
    let admin = admin::routes(config, store, issuers, &shared)?;
    let healthz = get("healthz", "Whether the process answers", health::healthz)
        .answers_nothing(StatusCode::OK, "it does");
    let readyz = get("readyz", "Whether requests can be judged", health::readyz)
        .answers_nothing(StatusCode::OK, "they can")
        .answers_nothing(StatusCode::SERVICE_UNAVAILABLE, "they cannot at present");
    let mut routes = Routes::new()
        .at("/healthz", [healthz])
        .at("/readyz", [readyz])
        .with_state(store.clone())
        .tagged("server")
        .merge(admin);
    for one in issuers {
        routes = routes.merge(issuer::routes(&common, one)?);
    }
    let routes = routes.finish()?;
    let observer = Observer::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    let proxies = Proxies::new(config.server.trusted_proxies.clone());
    Ok(routes
        .layer(middleware::from_fn(unread::tell))
        .layer(middleware::from_fn_with_state(
            proxies,
            client_address::locate,
        ))
        .layer(middleware::from_fn_with_state(observer, observe::observe)))
}
