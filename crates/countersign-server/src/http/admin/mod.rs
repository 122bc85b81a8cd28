//! `/admin/v1`: what the commands do, over HTTP, for primary credentials with `countersign:admin`.
//!
//! Credentials of the account `default` reach everything; all others reach their own account, and what lies
//! outside it does not exist for them. Nobody grants a scope that they do not hold.

mod accounts;
mod administrator;
mod answer;
mod audit;
mod credentials;
mod environments;
mod extract;
mod fields;
mod hashing;
mod keys;
mod origin;
pub(super) mod problem;
mod signing_keys;
mod tokens;
mod users;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use countersign::Id;
use countersign::registry::{Caller, Registry as _};
use countersign::require::{primary, require, scope};
use countersign_store::Store;
use tokio::sync::OnceCell;

use super::judges::Shared;
use super::openapi::Routes;
use crate::config::Config;
use crate::failure::Failure;
use crate::issuer::Configured;
use hashing::Hashing;
use problem::Problem;
use tokens::TokenReader;

/// Where all of it is.
pub(super) const PATH: &str = "/admin/v1";
const SCOPE: &str = "countersign:admin";
/// The account of those who run the server.
const DEFAULT_ACCOUNT: &str = "default";

/// What handlers need.
#[derive(Clone)]
struct Admin(Arc<Inner>);

struct Inner {
    store: Store,
    hashing: Hashing,
    tokens: TokenReader,
    config: Config,
    default_account: OnceCell<Id>,
}

impl Admin {
    async fn default_account(&self) -> Result<Id, Problem> {
        let find = async || {
            let operator = Caller::operator("server");
            let all = self.0.store.list_accounts(&operator).await?;
            let mut all = all.into_iter();
            let account = all.find(|account| account.name == DEFAULT_ACCOUNT);
            account
                .map(|account| account.id)
                .ok_or_else(Problem::internal)
        };
        self.0.default_account.get_or_try_init(find).await.copied()
    }
}

/// All routes of it. They are the server's and no issuer's: credentials of any issuer are let in. Tokens of all
/// issuers are judged too, to be refused as what they are.
pub(super) fn routes(
    config: &Config,
    store: &Store,
    issuers: &[Configured],
    shared: &Shared,
) -> Result<Routes, Failure> {
    let admin = Admin(Arc::new(Inner {
        store: store.clone(),
        hashing: Hashing::new(shared.hasher()),
        tokens: TokenReader::new(issuers)?,
        config: config.clone(),
        default_account: OnceCell::new(),
    }));
    let mut trusted = Vec::new();
    for issuer in issuers {
        trusted.push(issuer.trusted(store)?);
    }
    let judges = shared.over(store.directory());
    let judge = judges.any(trusted).reject_body(problem::of_rejection);
    let judge = judge.build()?;
    let require = require(scope(SCOPE) & primary())?.reject_body(problem::of_rejection);
    let routes = Routes::new()
        .merge(keys::routes(&admin))
        .merge(users::routes(&admin))
        .merge(accounts::routes(&admin))
        .merge(environments::routes(&admin))
        .merge(signing_keys::routes(&admin))
        .merge(tokens::routes(&admin))
        .merge(audit::routes(&admin))
        // Strangers do not learn which paths there are.
        .fallback(async || Problem::not_found())
        // The body has been read by then, and was not too large.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(admin, administrator::admit))
        .layer(require)
        .layer(judge)
        .layer(middleware::map_response(problem::complete));
    Ok(routes.nested(PATH).tagged("admin"))
}
