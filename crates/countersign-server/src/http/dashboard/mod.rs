//! `/dashboard`: administration in a browser.
//!
//! The pages contain no data. Their scripts call `/dashboard/api`, which performs the operations of `/admin/v1` for the
//! credential of a session. A session begins with that credential, is kept in memory, and ends with it: the principal is
//! revalidated at every request.
//!
//! A browser adds the cookie of the session to every request. Therefore only requests of the dashboard's own pages are
//! accepted, and those that give access present the credential again.

mod assets;
mod confirmation;
mod cookie;
mod origin;
mod overview;
mod pages;
mod response;
mod session;
mod sessions;
mod statistics;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Router, middleware};
use countersign::random::SystemRandom;
use countersign_cli::error::CommandError;
use countersign_cli::issuer::ConfiguredIssuer;

use super::admin::{self, Admin};
use super::store_runtime::router_on_store_runtime;
use super::{Draining, Process, mount};
use session::IssuerResponse;
use sessions::Sessions;
pub(super) use statistics::Statistics;

pub(crate) const PATH: &str = "/dashboard";

/// The state of the handlers.
#[derive(Clone)]
struct Dashboard(Arc<Inner>);

struct Inner {
    admin: Admin,
    sessions: Sessions,
    statistics: Statistics,
    draining: Draining,
    /// The origin of `public_url`, if it is configured: that of the pages, although a proxy sends another `Host`.
    public_origin: Option<String>,
    issuers: Vec<IssuerResponse>,
}

/// Returns the pages and their interface. All sessions end when the routes are made anew.
pub(super) fn routes(
    admin: &Admin,
    issuers: &[ConfiguredIssuer],
    process: &Process,
) -> Result<Router, CommandError> {
    let statistics = process.metrics.statistics().clone();
    statistics.count_mints_at(issuers.iter().flat_map(mint_routes).collect());
    let public_url = admin.config().server.public_url.as_deref();
    let dashboard = Dashboard(Arc::new(Inner {
        admin: admin.clone(),
        sessions: Sessions::new(SystemRandom),
        statistics,
        draining: process.draining.clone(),
        public_origin: public_url.map(|url| countersign::url::split(url).0.to_owned()),
        issuers: issuers.iter().map(IssuerResponse::new).collect(),
    }));
    let api = router_on_store_runtime(api(&dashboard)?, &process.store_runtime);
    Ok(pages::routes()
        .merge(assets::routes())
        .nest(&format!("{PATH}/api"), api)
        .layer(middleware::map_response(response::secure)))
}

/// Returns the interface of the pages. In each router, the last layer is the outermost one.
fn api(dashboard: &Dashboard) -> Result<Router, CommandError> {
    let admin = &dashboard.0.admin;
    let own = Router::new()
        .route("/session", get(session::show))
        .route("/overview", get(overview::show))
        .with_state(dashboard.clone())
        .nest("/v1", admin.operations().into_router());
    let own = admin.administrators()?(own)
        .layer(middleware::from_fn_with_state(
            dashboard.clone(),
            confirmation::require,
        ))
        .layer(middleware::from_fn_with_state(
            dashboard.clone(),
            session::authenticate,
        ));
    let sign_in = Router::new()
        .route("/sign-in", post(session::begin))
        .with_state(dashboard.clone())
        .route_layer(admin.authorize()?)
        .route_layer(admin.authenticate())
        .route_layer(middleware::from_fn_with_state(
            dashboard.clone(),
            origin::require_confidential,
        ));
    let sign_out = Router::new()
        .route("/sign-out", post(session::end))
        .with_state(dashboard.clone());
    Ok(own
        .merge(sign_in)
        .merge(sign_out)
        .layer(middleware::from_fn_with_state(
            dashboard.clone(),
            origin::require_own_page,
        ))
        .layer(middleware::map_response(admin::complete)))
}

/// Returns the paths at which an issuer mints tokens.
fn mint_routes(configured: &ConfiguredIssuer) -> Vec<String> {
    let mount = mount(configured.issuer.url());
    let paths = configured.settings.wires.mint_paths();
    paths.map(|path| format!("{mount}{path}")).collect()
}
