//! `/v1/feed`: the denials and keys of an issuer, for services that verify its tokens without the database, and
//! `/v1/feed/credentials`: its API keys too.
//!
//! A verifier asks with an API key that has the scope `feed:denials`, or `feed:credentials`. The answer comes at once if there is
//! something that the verifier does not know, and else when there is, or after a while.

mod confidential;
mod contents;
mod limits;
mod question;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use countersign::PrimaryPrincipal;
use countersign::auth::{AuthLayer, Authenticator};
use countersign::feed::{CREDENTIALS_PATH, CREDENTIALS_SCOPE, KEYS_PATH, MEDIA_TYPE, PATH, SCOPE};
use countersign::jose::SigningKeys;
use countersign::mint::Issuer;
use countersign::require::{primary, require, scope};
use countersign::time::{Clock as _, SystemClock};
use countersign_cli::error::CommandError;
use countersign_store::{FeedVerifier, Store, StoreError};

pub(super) use confidential::Confidential;
pub(super) use limits::FeedLimits;

use super::admin::{AdminError, Query, complete, reject_body};
use super::openapi::{DescribeResponse, OperationDraft, Routes, get};
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
    /// The name of the issuer.
    name: Arc<str>,
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
        (name, issuer): (Arc<str>, Issuer),
        settings: &FeedSettings,
        limits: FeedLimits,
        layer: &AuthLayer,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            name,
            issuer,
            keys: settings.keys.clone(),
            longest_wait: settings.longest_wait,
            max_staleness: settings.max_staleness,
            limits,
            authenticator: layer.authenticator().clone(),
        }))
    }

    /// Returns the routes below the path of the issuer. `layer` authenticates tokens too, so that they get 403 instead of 401.
    pub(super) fn routes(self, mount: &str, layer: &AuthLayer) -> Result<Routes, CommandError> {
        let denials = get(format!("{mount}{PATH}"), "feed", answer_with_denials)
            .summary("Wait for changes of what is denied, as a verifier without the database");
        let path = format!("{mount}{CREDENTIALS_PATH}");
        let credentials = get(path, "feed_credentials", answer_with_credentials)
            .summary("Wait for changes of what is denied and of the API keys");
        let keys = get(format!("{mount}{KEYS_PATH}"), "feed_keys", keys)
            .summary("Get the keys that sign the feed, as a JWK set");
        let denials = self.authorized(Routes::of([denials]), SCOPE, layer)?;
        let credentials = Routes::of([credentials]);
        let credentials = self.authorized(credentials, CREDENTIALS_SCOPE, layer)?;
        // Before the credentials of the verifier are looked at.
        let confidential = middleware::from_fn(confidential::require);
        let credentials = credentials.map_router(|router| router.route_layer(confidential));
        let answers = denials.merge(credentials);
        let answers =
            answers.map_router(|router| router.route_layer(middleware::map_response(complete)));
        let keys = Routes::of([keys]).map_router(|router| router.with_state(self));
        Ok(answers.merge(keys))
    }

    fn authorized(
        &self,
        routes: Routes<Self>,
        wanted: &str,
        layer: &AuthLayer,
    ) -> Result<Routes, CommandError> {
        let authorize = require(scope(wanted) & primary())?;
        let layer = layer.clone().reject_body(reject_body);
        Ok(routes.map_router(|router| {
            router
                .route_layer(authorize)
                .route_layer(layer)
                .with_state(self.clone())
        }))
    }
}

/// Answers a verifier that verifies tokens.
async fn answer_with_denials(
    State(feed): State<Feed>,
    principal: PrimaryPrincipal,
    Query(query): Query<FeedQuery>,
) -> Result<Message, Response> {
    feed.0.answer(&principal, &query, false).await
}

/// Answers a verifier that authenticates API keys too.
async fn answer_with_credentials(
    State(feed): State<Feed>,
    principal: PrimaryPrincipal,
    Query(query): Query<FeedQuery>,
) -> Result<Message, Response> {
    feed.0.answer(&principal, &query, true).await
}

impl Inner {
    async fn answer(
        &self,
        principal: &PrimaryPrincipal,
        query: &FeedQuery,
        with_keys: bool,
    ) -> Result<Message, Response> {
        let credential = principal.principal().credential_id().copied();
        let credential = credential.ok_or_else(|| StatusCode::FORBIDDEN.into_response())?;
        let reach = self.reach(principal);
        let max_staleness = query.max_staleness().min(self.max_staleness);
        let verifier = FeedVerifier {
            id: query.verifier,
            credential,
            max_staleness,
            cursor: query.cursor(),
            keys: with_keys.then(|| self.key_filter(&reach)),
        };
        let place = self.limits.enter(credential).ok_or_else(too_many)?;
        let registered = self.store.register_verifier(&verifier).await;
        registered.map_err(failed)?;
        if let Some(cursor) = &verifier.cursor {
            // Several answers come within the bound.
            let wait = query.wait().min(max_staleness / 5).min(self.longest_wait);
            let change = self.store.wait_for_change(cursor);
            let _ = tokio::time::timeout(wait, change).await;
        }
        drop(place);
        // The credential may have been revoked meanwhile, which is a change and ends the wait.
        let valid = self.authenticator.revalidate(principal.principal());
        valid.map_err(|rejection| rejection.into_response())?;
        let cursor = verifier.cursor.as_ref();
        let is_delta = cursor.is_some_and(|cursor| self.store.knows_changes_after(cursor));
        let hold = || self.limits.hold(with_keys);
        let mut held = match is_delta {
            true => None,
            false => Some(hold().ok_or_else(busy)?),
        };
        let contents = self.store.answer_verifier(&verifier).await;
        let contents = contents.map_err(failed)?;
        if held.is_none() && contents::is_large(&contents) {
            held = Some(hold().ok_or_else(busy)?);
        }
        contents::count(&contents);
        let message = self.message(contents, &reach, query, max_staleness);
        let key = self.keys.signing_at(SystemClock.now());
        let key = key.ok_or_else(|| StatusCode::SERVICE_UNAVAILABLE.into_response())?;
        let signed = match held {
            None => message.sign(&key),
            Some(_) => {
                // Writing and hashing megabytes takes a while.
                let signing = tokio::task::spawn_blocking(move || message.sign(&key));
                signing.await.map_err(|error| internal(&error))?
            }
        };
        let signed = signed.map_err(|error| internal(&error))?;
        Ok(Message(limits::held_body(signed, held)))
    }
}

/// Returns the keys that sign the feed.
async fn keys(State(feed): State<Feed>) -> KeySetDocument {
    KeySetDocument(feed.0.keys.jwks())
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

fn internal(error: &dyn Display) -> Response {
    AdminError::internal(error).into_response()
}

fn failed(error: StoreError) -> Response {
    match error {
        StoreError::TooManyVerifiers => too_many(),
        StoreError::TooManyKeys(_) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            AdminError::new(status, "too_many_keys", error.to_string()).into_response()
        }
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
