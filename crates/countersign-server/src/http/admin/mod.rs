//! `/admin/v1`: the operations of the command line over HTTP, for primary credentials with `countersign:admin`.
//!
//! Credentials of the account `default` reach everything; all others reach their own account, and get 404 for what
//! lies outside it. An administrator can grant only scopes that it holds.

mod accounts;
mod administrator;
mod audit;
mod body;
mod credentials;
mod environments;
mod error;
mod fields;
mod keys;
mod managed_tokens;
mod password_queue;
mod path;
mod signing_keys;
mod tokens;
mod users;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use countersign::Id;
use countersign::auth::Authenticator;
use countersign::limit::RateLimit;
use countersign::require::{primary, require, scope};
use countersign_store::Store;
use countersign_wire::ProtectedResource;
use tokio::sync::Semaphore;

use super::authenticators::Authenticators;
use super::limits::Limits;
use super::openapi::Routes;
use crate::config::Config;
use crate::error::CommandError;
use crate::issuer::ConfiguredIssuer;
use crate::ops::TokenVerifier;
use error::{AdminError, Result};
use password_queue::PasswordQueue;

const PATH: &str = "/admin/v1";
const SCOPE: &str = "countersign:admin";

/// The state of the handlers.
#[derive(Clone)]
struct Admin(Arc<Inner>);

struct Inner {
    store: Store,
    config: Arc<Config>,
    authenticator: Authenticator,
    passwords: PasswordQueue,
    tokens: TokenVerifier,
    /// Counts the requests of a credential.
    requests: Arc<RateLimit<Id>>,
    /// The permit of the one request that verifies the audit log.
    audit_verification: Semaphore,
}

/// Returns all routes below `/admin/v1`. They belong to the server and not to an issuer: credentials of every issuer
/// are accepted. Tokens of every issuer are authenticated too, so that they get 403 instead of 401.
pub(super) fn routes(
    config: &Config,
    store: &Store,
    issuers: &[ConfiguredIssuer],
    authenticators: &Authenticators,
    limits: &Limits,
) -> Result<Routes, CommandError> {
    let (mut trusted, mut revocable) = (Vec::new(), Vec::new());
    for issuer in issuers {
        trusted.push(issuer.trusted(store)?);
        revocable.push(issuer.trusted_without_directory()?);
    }
    // All issuers of a server have one origin.
    let origin = issuers
        .first()
        .map_or("", |one| countersign::url::split(one.issuer.url()).0);
    let resource = ProtectedResource::new(format!("{origin}{PATH}"))
        .scopes([SCOPE])
        .without_bearer_tokens();
    let authenticate = authenticators.any(trusted, Some(&resource))?;
    let authenticate = authenticate.reject_body(error::reject_body);
    let admin = Admin(Arc::new(Inner {
        store: store.clone(),
        config: Arc::new(config.clone()),
        authenticator: authenticate.authenticator().clone(),
        passwords: PasswordQueue::new(authenticators.hasher()),
        tokens: TokenVerifier::new(revocable),
        requests: limits.administration.clone(),
        audit_verification: Semaphore::new(1),
    }));
    let authorize = require(scope(SCOPE) & primary())?;
    let routes = keys::routes()
        .merge(users::routes(&admin))
        .merge(managed_tokens::routes())
        .merge(accounts::routes())
        .merge(environments::routes())
        .merge(signing_keys::routes())
        .merge(tokens::routes(&admin))
        .merge(audit::routes(&admin))
        .map_router(|router| {
            // The last layer is the outermost one.
            router
                // Unknown paths are authenticated too, so that they cannot be distinguished from known ones without
                // credentials.
                .fallback(async || AdminError::from(StatusCode::NOT_FOUND))
                // The middleware has read and limited the body.
                .layer(DefaultBodyLimit::disable())
                .layer(middleware::from_fn_with_state(
                    admin,
                    administrator::insert_operations,
                ))
                .layer(authorize)
                .layer(authenticate)
                .layer(middleware::map_response(error::complete))
        });
    let mut routes = routes.nested(PATH);
    routes.protected_resource(&resource, "admin_metadata");
    Ok(routes.tagged("admin"))
}
