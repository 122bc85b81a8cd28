//! Long-lived, revocable tokens with a record for each.

mod create_request;
mod error;
mod idempotency;
mod operations;
mod responses;

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::mint::Mint;
use countersign::random::Random;
use countersign::registry::{Change, ManagedTokens};
use countersign::time::Clock;
use http::{Method, Request, Response, StatusCode};

use crate::authenticate::{EndpointAuthenticator, RequestError};
use crate::body::{DEFAULT_LIMIT, PendingBody};
use crate::credential_limit::CredentialLimit;
use crate::error::TokenError;
use crate::path;
use crate::request_id::RequestId;
use crate::response::{ResponseBody, add_challenges, set_error_headers};
use crate::service::{Endpoint, impl_service};
use crate::wire::CredentialSource;
use create_request::Lifetimes;

pub(crate) use error::ManagedTokenError;
#[cfg(feature = "openapi")]
pub(crate) use error::{ErrorResponse, READ_SCOPE_MISSING, ValidationErrors, WRITE_SCOPE_MISSING};
#[cfg(feature = "openapi")]
pub(crate) use responses::{MAX_PAGE_SIZE, TokenListResponse, TokenResponse};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Manages long-lived JWTs, each with a record that decides whether it is accepted (`/api/v1/api_token`).
///
/// | request | does | needs |
/// |---|---|---|
/// | `POST` | creates a token; no later response has it | a primary credential with `api_token:write` |
/// | `GET` | lists the account's tokens, oldest first; `pagination[offset]`, `pagination[page_size]` from 1 to 200, by default 50 | `api_token:read` or `api_token:write` |
/// | `GET /{id}` | shows a token | the same |
/// | `POST /{id}/suspend`, `/{id}/activate`, `/{id}/revoke` | changes the status of a token | `api_token:write` |
/// | `DELETE /{id}` | deletes the record of a revoked token | `api_token:write` |
///
/// All calls except creation accept any credential that the [`Authenticator`] accepts, including bearer tokens and managed
/// tokens. A bearer token cannot create a token, whatever its scopes are.
///
/// The body of a creation is a JSON object, bare or as the member `details`:
///
/// | member | |
/// |---|---|
/// | `token_scope` | `"account"` or `"environment"`; required |
/// | `environment_id` | required for `environment`, rejected for `account` |
/// | `account_id` | the caller's own, or null |
/// | `expires_at` | RFC 3339, counted in whole seconds; null: the default lifetime |
/// | `scopes` | a list within the scopes of the creator; null: all of these |
///
/// The record of a token names the credential that created it as `created_by_credential_id`. If that credential is revoked,
/// or rotated as compromised, so is the token. It stays valid if that credential expires or is suspended.
///
/// The body of a creation, a transition or a `DELETE` can have an `idempotency_key`, 1 to 255 visible ASCII characters. If
/// the same credential repeats a request with the same key and the same body, byte for byte, within 24 hours, it gets the
/// first response again, and nothing else happens. Rejected requests are not remembered. At most 10,000 responses are
/// remembered for a credential. A credential that was narrowed, suspended or rotated as compromised since then gets 409
/// instead.
///
/// In `pagination`, `page_index` counts from 0, and items count from 1; `item_start` and `item_end` are 0 for an empty
/// page, and the offsets of pages that do not exist are null.
///
/// Mount it with axum's `nest_service`, which removes the path before it calls the service. If requests have their whole
/// path, set where it begins with [`mounted_at`](Self::mounted_at).
///
/// # Errors
///
/// The body is `{"status":"error","code":"…","message":"…"}`:
///
/// | status | code | when |
/// |---|---|---|
/// | 400 | `bad_request` | two credentials, or a body or query that cannot be read |
/// | 401 | `not_authenticated`, `bad_authtoken` | the credentials are missing, or not valid for any reason |
/// | 403 | `not_permitted` | a bearer token that would create a token, a missing scope, or another account's `account_id` |
/// | 403 | `cross_site` | a page of another site caused the request |
/// | 404 | `not_found` | the caller's account has no such token |
/// | 405 | `method_not_allowed` | another method |
/// | 409 | `invalid_action` | the token's status does not allow the action, see `available_actions`; or the caller has created as many tokens as are stored for it |
/// | 409 | `idempotency_conflict` | the `idempotency_key` was used for a different request, or before the rights changed |
/// | 413 | `bad_request` | the body is over the limit |
/// | 422 | `validation_errors` | with `errors`, a list for each member that is not valid |
/// | 429 | `too_many_requests` | too many failures or requests; see `Retry-After` |
/// | 503 | `unavailable` | the credentials could not be checked, or the records are unavailable; see `Retry-After` |
/// | 500 | `unexpected` | the server failed |
///
/// ```
/// # use std::sync::Arc;
/// # use bytes::Bytes;
/// # use countersign::auth::Authenticator;
/// # use countersign::directory::MemoryDirectory;
/// # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
/// # use countersign::jose::{Algorithm, SigningKey};
/// # use countersign::key::{Pepper, Peppers};
/// # use countersign::mechanism::{ApiKeys, Jwt};
/// # use countersign::mint::{Issuer, Mint};
/// # use countersign::random::SystemRandom;
/// # use countersign::time::SystemClock;
/// # use http::{Request, StatusCode};
/// # use http_body_util::{BodyExt, Full};
/// # use tower::ServiceExt;
/// use countersign_wire::ManagedTokenResource;
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let registry = Arc::new(registry);
/// # let new = NewKey::new("ci", "calls:read api_token:*".parse()?);
/// # let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
/// # let issuer = Issuer::builder("https://auth.example")
/// #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
/// #     .build()?;
/// # let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom);
/// # let day = std::time::Duration::from_secs(24 * 3600);
/// let trusted = issuer.trusted().directory(directory.clone()).managed_tokens(day * 365).build()?;
/// let authenticator = Authenticator::builder()
///     .mechanism(Jwt::new([trusted]))
///     .primary(ApiKeys::new(directory, peppers))
///     .build()?;
/// let tokens = ManagedTokenResource::new(authenticator, mint, registry);
///
/// // The key holds `api_token:*`.
/// let create = |name: &'static str, value: &str| {
///     let request = Request::post("/")
///         .header(name, value)
///         .body(Full::<Bytes>::from(r#"{"token_scope":"account"}"#));
///     tokens.clone().oneshot(request.unwrap())
/// };
/// let created = create("x-api-key", key.expose()).await?;
/// assert_eq!(created.status(), StatusCode::OK);
/// let body = created.into_body().collect().await?.to_bytes();
/// let body: serde_json::Value = serde_json::from_slice(&body)?;
/// let bearer = format!("Bearer {}", body["token"].as_str().unwrap());
///
/// // The new token can list tokens, but not create one.
/// let list = Request::get("/").header("authorization", &bearer).body(Full::<Bytes>::default())?;
/// assert_eq!(tokens.clone().oneshot(list).await?.status(), StatusCode::OK);
/// assert_eq!(create("authorization", &bearer).await?.status(), StatusCode::FORBIDDEN);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct ManagedTokenResource {
    authenticator: Authenticator,
    primary: EndpointAuthenticator,
    mint: Mint,
    tokens: Arc<dyn ManagedTokens>,
    mounted_at: Arc<str>,
    issuer: Option<Arc<str>>,
    lifetimes: Lifetimes,
    body_limit: usize,
    limit: Option<CredentialLimit>,
}

impl ManagedTokenResource {
    /// The scope that allows a caller to read tokens.
    pub const READ_SCOPE: &'static str = "api_token:read";
    /// The scope that allows a caller to create, change and read tokens.
    pub const WRITE_SCOPE: &'static str = "api_token:write";

    /// Creates the resource. `authenticator` authenticates callers, `mint` signs the tokens, and `tokens` stores their
    /// records.
    #[must_use]
    pub fn new(authenticator: Authenticator, mint: Mint, tokens: Arc<dyn ManagedTokens>) -> Self {
        let source = CredentialSource::Headers;
        Self {
            primary: EndpointAuthenticator::new(authenticator.clone(), source),
            authenticator,
            mint,
            tokens,
            mounted_at: "".into(),
            issuer: None,
            lifetimes: Lifetimes {
                default: DAY * 90,
                max: DAY * 365,
            },
            body_limit: DEFAULT_LIMIT,
            limit: None,
        }
    }

    /// Sets the path that requests begin with. By default it is empty, as behind `nest_service`.
    #[must_use]
    pub fn mounted_at(mut self, path: impl Into<Arc<str>>) -> Self {
        self.mounted_at = path.into();
        self
    }

    /// Sets the name of the issuer, if there are several. The tokens of other issuers are not found.
    #[must_use]
    pub fn of_issuer(mut self, name: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(name.into());
        self
    }

    /// Sets the lifetime of a token created without `expires_at`. By default it is 90 days, or the longest lifetime if
    /// that is less.
    #[must_use]
    pub const fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.default = lifetime;
        self
    }

    /// Sets the longest lifetime of a token. By default it is 365 days. Verifiers reject tokens with a longer lifetime
    /// than [`managed_tokens`](countersign::token::TrustedIssuerBuilder::managed_tokens) allows.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.max = lifetime;
        self
    }

    /// Sets the limit on bodies, in bytes. By default it is 16 KiB.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets the limit on the requests of each credential.
    #[must_use]
    pub fn limit(mut self, limit: CredentialLimit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Responds to a request that failed. `allow` names the methods of the path.
    pub(crate) fn error_response(
        &self,
        error: ManagedTokenError,
        allow: &'static str,
    ) -> Response<ResponseBody> {
        let mut response = error.to_response();
        let rejection = match error {
            ManagedTokenError::Request(RequestError { error, rejection }) => {
                set_error_headers(&mut response, &error, allow);
                rejection
            }
            ManagedTokenError::NotPermitted(_, rejection) => rejection,
            _ => None,
        };
        match rejection {
            Some(rejection) => {
                add_challenges(&mut response, rejection.challenges());
                response.extensions_mut().insert(rejection);
            }
            None if response.status() == StatusCode::UNAUTHORIZED => {
                add_challenges(&mut response, self.primary.challenges());
            }
            None => {}
        }
        response
    }
}

impl Endpoint for ManagedTokenResource {
    fn body_limit(&self) -> usize {
        self.body_limit
    }

    fn clock(&self) -> &dyn Clock {
        self.mint.clock()
    }

    fn random(&self) -> &dyn Random {
        self.mint.random()
    }

    async fn respond(
        &self,
        request: Request<PendingBody>,
        id: &RequestId,
    ) -> Response<ResponseBody> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let route = path::below(&path, &self.mounted_at).and_then(Route::parse);
        let result = match (route, &method) {
            (Some(Route::Collection), &Method::POST) => self.create(request, id).await,
            (Some(Route::Collection), &Method::GET) => self.list(request, id).await,
            (Some(Route::Token(token)), &Method::GET) => self.show(request, token, id).await,
            (Some(Route::Token(token)), &Method::DELETE) => {
                self.change(request, token, Change::Delete, id).await
            }
            (Some(Route::Transition(token, change)), &Method::POST) => {
                self.change(request, token, change(), id).await
            }
            (Some(_), _) => Err(TokenError::MethodNotAllowed.into()),
            (None, _) => Err(TokenError::NotFound.into()),
        };
        let allow = route.map_or("", Route::methods);
        result.unwrap_or_else(|error| self.error_response(error, allow))
    }
}

/// What a path names.
#[derive(Clone, Copy)]
enum Route<'a> {
    Collection,
    Token(&'a str),
    Transition(&'a str, fn() -> Change),
}

impl<'a> Route<'a> {
    fn parse(rest: &'a str) -> Option<Self> {
        Some(match rest.split_once('/') {
            None if rest.is_empty() => Self::Collection,
            None => Self::Token(rest),
            Some((id, "suspend")) => Self::Transition(id, || Change::Suspend),
            Some((id, "activate")) => Self::Transition(id, || Change::Activate),
            Some((id, "revoke")) => Self::Transition(id, || Change::Revoke { reason: None }),
            Some(_) => return None,
        })
    }

    const fn methods(self) -> &'static str {
        match self {
            Self::Collection => "GET, POST",
            Self::Token(_) => "GET, DELETE",
            Self::Transition(..) => "POST",
        }
    }
}

impl_service!(ManagedTokenResource);
