//! `/v1/feed`: the denials and keys of an issuer, for services that verify its tokens without the database.
//!
//! A verifier asks with an API key that has the scope `feed:denials`. The answer comes at once if there is something that the verifier
//! does not know, and else when there is, or after a while.

mod limits;
mod question;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use countersign::auth::{AuthLayer, Authenticator};
use countersign::directory::{Denial, Directory as _, EnvironmentKind};
use countersign::feed::{FeedMessage, KEYS_PATH, MEDIA_TYPE, PATH, SCOPE};
use countersign::jose::SigningKeys;
use countersign::mint::Issuer;
use countersign::require::{primary, require, scope};
use countersign::time::{Clock as _, SystemClock};
use countersign::{Id, PrimaryPrincipal};
use countersign_store::{FeedContents, FeedVerifier, Store, StoreError};

pub(super) use limits::FeedLimits;

use super::admin::{AdminError, Query, complete, reject_body};
use super::metrics;
use super::openapi::{DescribeResponse, OperationDraft, Routes, get};
use crate::error::CommandError;
use question::FeedQuery;

/// What the feeds of all issuers have in common.
pub(super) struct FeedSettings {
    pub(super) keys: SigningKeys,
    /// How long a verifier waits for a change at most.
    pub(super) longest_wait: Duration,
    /// The largest age up to which a verifier may use an answer: that of this server's own view.
    pub(super) max_staleness: Duration,
}

/// The feed of one issuer. Clones share it.
#[derive(Clone)]
pub(super) struct Feed(Arc<Inner>);

struct Inner {
    store: Store,
    issuer: Issuer,
    keys: SigningKeys,
    longest_wait: Duration,
    max_staleness: Duration,
    limits: FeedLimits,
    authenticator: Authenticator,
}

impl Feed {
    pub(super) fn new(
        store: Store,
        issuer: Issuer,
        settings: &FeedSettings,
        limits: FeedLimits,
        layer: &AuthLayer,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            issuer,
            keys: settings.keys.clone(),
            longest_wait: settings.longest_wait,
            max_staleness: settings.max_staleness,
            limits,
            authenticator: layer.authenticator().clone(),
        }))
    }

    /// Returns the routes below the path of the issuer. `layer` authenticates tokens too, so that they get 403 instead of 401.
    pub(super) fn routes(self, mount: &str, layer: AuthLayer) -> Result<Routes, CommandError> {
        let authorize = require(scope(SCOPE) & primary())?;
        let answers = get(format!("{mount}{PATH}"), "feed", answer)
            .summary("Wait for changes of what is denied, as a verifier without the database");
        let keys = get(format!("{mount}{KEYS_PATH}"), "feed_keys", keys)
            .summary("Get the keys that sign the feed, as a JWK set");
        let feed = self.clone();
        let answers = Routes::of([answers]).map_router(|router| {
            router
                .route_layer(authorize)
                .route_layer(layer.reject_body(reject_body))
                .route_layer(middleware::map_response(complete))
                .with_state(feed)
        });
        let keys = Routes::of([keys]).map_router(|router| router.with_state(self));
        Ok(answers.merge(keys))
    }
}

/// Answers a verifier.
async fn answer(
    State(feed): State<Feed>,
    principal: PrimaryPrincipal,
    Query(query): Query<FeedQuery>,
) -> Result<Message, Response> {
    let feed = &feed.0;
    let credential = principal.principal().credential_id().copied();
    let credential = credential.ok_or_else(|| StatusCode::FORBIDDEN.into_response())?;
    let max_staleness = query.max_staleness().min(feed.max_staleness);
    let verifier = FeedVerifier {
        id: query.verifier,
        credential,
        max_staleness,
        cursor: query.cursor(),
    };
    let place = feed.limits.enter(credential).ok_or_else(too_many)?;
    let registered = feed.store.register_verifier(&verifier).await;
    registered.map_err(failed)?;
    if let Some(cursor) = &verifier.cursor {
        // Several answers come within the bound.
        let wait = query.wait().min(max_staleness / 5).min(feed.longest_wait);
        let change = feed.store.wait_for_change(cursor);
        let _ = tokio::time::timeout(wait, change).await;
    }
    drop(place);
    // The credential may have been revoked meanwhile, which is a change and ends the wait.
    let valid = feed.authenticator.revalidate(principal.principal());
    valid.map_err(|rejection| rejection.into_response())?;
    let contents = feed.store.answer_verifier(&verifier).await;
    let contents = contents.map_err(failed)?;
    let held = match contents.after {
        None => Some(feed.limits.hold().ok_or_else(busy)?),
        Some(_) => None,
    };
    let account = feed.account(&principal);
    count(&contents);
    let message = feed.message(contents, account, &query, max_staleness);
    let key = feed.keys.signing_at(SystemClock.now());
    let key = key.ok_or_else(|| StatusCode::SERVICE_UNAVAILABLE.into_response())?;
    let signed = message.sign(&key);
    let signed = signed.map_err(|error| AdminError::internal(&error).into_response())?;
    Ok(Message(limits::held_body(signed, held)))
}

impl Inner {
    /// Returns the account that a verifier's credential is restricted to. Production credentials of the account `default` reach all.
    fn account(&self, principal: &PrimaryPrincipal) -> Option<Id> {
        let principal = principal.principal();
        let default = self.store.default_account();
        let account = principal.account().copied().unwrap_or(default);
        let directory = self.store.directory();
        let credential = principal.credential_id();
        let found = credential.and_then(|id| directory.credential(id));
        let is_production =
            found.is_some_and(|found| found.environment_kind == EnvironmentKind::Production);
        (account != default || !is_production).then_some(account)
    }

    fn message(
        &self,
        contents: FeedContents,
        account: Option<Id>,
        query: &FeedQuery,
        max_staleness: Duration,
    ) -> FeedMessage {
        let is_of_account = |id: &Id| account.is_none_or(|account| id.is_in_partition_of(&account));
        let concerns = |denial: &Denial| match denial {
            Denial::Below { entity, .. } => is_of_account(entity),
            Denial::Token { issuer, token, .. } => {
                **issuer == *self.issuer.url() && is_of_account(token)
            }
        };
        let cluster = self.store.cluster();
        let mut message = FeedMessage::new(self.issuer.url(), cluster, contents.history);
        message.after = contents.after.and_then(|number| u64::try_from(number).ok());
        message.head = u64::try_from(contents.head).unwrap_or_default();
        message.age = contents.age;
        message.max_staleness = max_staleness;
        message.account = account;
        message.nonce = query.nonce.as_str().into();
        message.jwks = self.issuer.jwks();
        message.denials = contents.denials;
        message.denials.retain(concerns);
        message.removed = contents.removed;
        message.removed.retain(is_of_account);
        message
    }
}

/// Returns the keys that sign the feed.
async fn keys(State(feed): State<Feed>) -> KeySetDocument {
    KeySetDocument(feed.0.keys.jwks())
}

fn count(contents: &FeedContents) {
    metrics::count_feed_answer(match contents {
        FeedContents { after: None, .. } => "snapshot",
        FeedContents {
            after: Some(after),
            head,
            ..
        } if after == head => "unchanged",
        _ => "delta",
    });
}

fn too_many() -> Response {
    let detail = "Too many verifiers wait with these credentials, or at this server: try again, or ask another node.";
    let error = AdminError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_verifiers", detail);
    error.retry_after(1).into_response()
}

fn busy() -> Response {
    AdminError::busy("Too many verifiers read the whole state at present: try again.")
        .into_response()
}

fn failed(error: StoreError) -> Response {
    match error {
        StoreError::TooManyVerifiers => too_many(),
        error => AdminError::from(error).into_response(),
    }
}

/// A signed message.
struct Message(Body);

impl axum::response::IntoResponse for Message {
    fn into_response(self) -> Response {
        let content_type = (CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        ([content_type], self.0).into_response()
    }
}

impl DescribeResponse for Message {
    fn describe(draft: &mut OperationDraft) {
        draft.empty(StatusCode::OK, "a signed message, as text");
    }
}

/// A JWK set.
struct KeySetDocument(Arc<str>);

impl axum::response::IntoResponse for KeySetDocument {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, "application/jwk-set+json"),
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, self.0.to_string()).into_response()
    }
}

impl DescribeResponse for KeySetDocument {
    fn describe(draft: &mut OperationDraft) {
        draft.empty(StatusCode::OK, "the JWK set");
    }
}
