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
mod nodes;
mod password_queue;
mod path;
mod sessions;
mod signing_keys;
mod tokens;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Response, StatusCode};
use axum::middleware;
use countersign::Id;
use countersign::auth::{AuthLayer, Authenticator};
use countersign::limit::RateLimit;
use countersign::rejection::Rejection;
use countersign::require::{RequireLayer, primary, require, scope};
use countersign_cli::config::Config;
use countersign_cli::error::CommandError;
use countersign_cli::issuer::ConfiguredIssuer;
use countersign_cli::ops::TokenVerifier;
use countersign_store::Store;
use countersign_wire::ProtectedResource;
use tokio::sync::Semaphore;

use super::authenticators::Authenticators;
use super::limits::Limits;
use super::openapi::Routes;
pub(super) use administrator::Administrator;
pub(super) use error::{AdminError, Result, complete, reject_body};
use password_queue::PasswordQueue;
pub(super) use path::Query;

const PATH: &str = "/admin/v1";
const SCOPE: &str = "countersign:admin";

/// The administration of the server, which `/admin/v1` and the dashboard present. Clones share it.
#[derive(Clone)]
pub(super) struct Admin(Arc<Inner>);

struct Inner {
    store: Store,
    config: Arc<Config>,
    resource: ProtectedResource,
    authenticator: Authenticator,
    passwords: PasswordQueue,
    tokens: TokenVerifier,
    /// Counts the requests of a credential.
    requests: Arc<RateLimit<Id>>,
    /// The permit of the one request that verifies the audit log.
    audit_verification: Semaphore,
}

impl Admin {
    /// Creates the administration of the whole server: credentials of every issuer are accepted. Tokens of every issuer are
    /// authenticated too, so that they get 403 instead of 401.
    pub(super) fn new(
        config: &Config,
        store: &Store,
        issuers: &[ConfiguredIssuer],
        authenticators: &Authenticators,
        limits: &Limits,
    ) -> Result<Self, CommandError> {
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
        Ok(Self(Arc::new(Inner {
            store: store.clone(),
            config: Arc::new(config.clone()),
            resource,
            authenticator: authenticate.authenticator().clone(),
            passwords: PasswordQueue::new(authenticators.hasher()),
            tokens: TokenVerifier::new(revocable),
            requests: limits.administration.clone(),
            audit_verification: Semaphore::new(1),
        })))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(super) fn authenticator(&self) -> &Authenticator {
        &self.0.authenticator
    }

    /// Returns all routes below `/admin/v1`.
    pub(super) fn routes(&self) -> Result<Routes, CommandError> {
        let administrators = self.administrators()?;
        let routes = self.operations().map_router(|router| {
            // The last layer is the outermost one.
            administrators(router)
                .layer(self.authenticate())
                .layer(middleware::map_response(complete))
        });
        let mut routes = routes.nested(PATH);
        routes.protected_resource(&self.0.resource, "admin_metadata");
        Ok(routes.tagged("admin"))
    }

    /// Returns the operations, without the layers that authenticate the caller and give it its [`Operations`].
    ///
    /// [`Operations`]: countersign_cli::ops::Operations
    pub(super) fn operations(&self) -> Routes {
        keys::routes()
            .merge(users::routes(self))
            .merge(managed_tokens::routes())
            .merge(sessions::routes())
            .merge(accounts::routes())
            .merge(environments::routes())
            .merge(signing_keys::routes())
            .merge(tokens::routes(self))
            .merge(audit::routes(self))
            .merge(nodes::routes())
    }

    /// Returns the layer that authenticates the credentials in the headers of a request.
    pub(super) fn authenticate(&self) -> AuthLayer<fn(&Rejection) -> Response<Body>> {
        AuthLayer::new(self.0.authenticator.clone()).reject_body(reject_body)
    }

    /// Returns the layer that rejects all principals but administrators.
    pub(super) fn authorize(&self) -> Result<RequireLayer, CommandError> {
        Ok(require(scope(SCOPE) & primary())?)
    }

    /// Returns the layers that reject all principals but administrators, read the body, and insert the operations.
    pub(super) fn administrators(&self) -> Result<impl FnOnce(Router) -> Router, CommandError> {
        let authorize = self.authorize()?;
        let admin = self.clone();
        Ok(move |router: Router| {
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
        })
    }
}
