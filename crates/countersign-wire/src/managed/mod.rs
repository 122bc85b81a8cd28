//! Long-lived, revocable tokens with a record behind each.

mod create;
mod judge;
mod once;
#[cfg(feature = "openapi")]
mod openapi;
mod problem;
mod requests;
mod shown;

use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use countersign::BoxFuture;
use countersign::auth::{AuthLayer, Authenticator};
use countersign::mint::Mint;
use countersign::registry::ManagedTokens;
use http::header::WWW_AUTHENTICATE;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;

use crate::finish::{finish, finish_denied};
use crate::{MintLimit, RequestId, ResponseBody, TokenError, path};
use create::Lifetimes;
use problem::{Problem, What};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The resource of managed tokens: long-lived JWTs, each with a record that says whether it is accepted
/// (`/api/v1/api_token`).
///
/// | request | does | needs |
/// |---|---|---|
/// | `POST` | creates a token, and answers with it this once | a primary credential with `api_token:write` |
/// | `GET` | lists the account's, oldest first; `pagination[offset]`, `pagination[page_size]` | `api_token:read` or `api_token:write` |
/// | `GET /{id}` | shows one | the same |
/// | `POST /{id}/suspend`, `/{id}/activate`, `/{id}/revoke` | changes its status | `api_token:write` |
/// | `DELETE /{id}` | forgets it, once it is revoked | `api_token:write` |
///
/// All but creating take any credential that the [`AuthLayer`] accepts, bearers and managed tokens among them. A
/// bearer cannot create, whatever it holds.
///
/// The body of a creation is a JSON object, bare or as the member `details`:
///
/// | member | |
/// |---|---|
/// | `token_scope` | `"account"` or `"environment"`; required |
/// | `environment_id` | required for `environment`, refused for `account` |
/// | `account_id` | the caller's own, or null |
/// | `expires_at` | RFC 3339, counted in whole seconds; null: the default lifetime |
/// | `scopes` | a list within what the creator holds; null: all of that |
///
/// A body can have an `idempotency_key`, 1 to 255 visible ASCII characters, that of a transition or `DELETE` too. A
/// request with the same key, of the same credential, to do the same with the same body, byte for byte, is answered for
/// 24 hours with what was answered at first, and nothing is done again. What was refused is not
/// remembered. Of one credential 10,000 answers are, and no more. A credential that was narrowed, suspended or rotated as compromised since does not get the answer again,
/// but 409.
///
/// In `pagination`, `page_index` counts from 0 and items count from 1; `item_start` and `item_end` are 0 where a page has
/// no items, and the offsets of pages that are not there are null.
///
/// Mount it with axum's `nest_service`, which takes the path away before it calls. Where requests come with their
/// whole path, say with [`mounted_at`](Self::mounted_at) where that begins.
///
/// # Errors
///
/// Always `{"status":"error","code":"…","message":"…"}`:
///
/// | status | code | when |
/// |---|---|---|
/// | 400 | `bad_request` | two credentials, or a body or query that cannot be read |
/// | 401 | `not_authenticated`, `bad_authtoken` | there are no credentials; they are not good, for whatever reason |
/// | 403 | `not_permitted` | a bearer that would create, a scope is missing, or `account_id` is another's |
/// | 404 | `not_found` | there is no such token in the caller's account |
/// | 405 | `method_not_allowed` | another method |
/// | 409 | `invalid_action` | the token's status does not allow it, as `available_actions` says |
/// | 409 | `idempotency_conflict` | another request had this `idempotency_key` |
/// | 413 | `bad_request` | the body is over the limit |
/// | 422 | `validation_errors` | with `errors`, which has a list of what is wrong for each member |
/// | 429 | `too_many_requests` | too many failures, or tokens; see `Retry-After` |
/// | 503 | `unavailable` | the credentials were not judged, or records cannot be reached; see `Retry-After` |
/// | 500 | `unexpected` | the fault is the server's |
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
/// # use countersign::auth::AuthLayer;
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
/// # let authenticator = Authenticator::builder()
/// #     .primary(ApiKeys::new(directory.clone(), peppers.clone()))
/// #     .build()?;
/// # let day = std::time::Duration::from_secs(24 * 3600);
/// let trusted = issuer.trusted().directory(directory.clone()).managed_tokens(day * 365).build()?;
/// let layer = AuthLayer::builder()
///     .mechanism(Jwt::new([trusted]))
///     .primary(ApiKeys::new(directory, peppers))
///     .build()?;
/// let tokens = ManagedTokenResource::new(layer, authenticator, mint, registry);
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
/// // The new token shows tokens, and creates none.
/// let list = Request::get("/").header("authorization", &bearer).body(Full::<Bytes>::default())?;
/// assert_eq!(tokens.clone().oneshot(list).await?.status(), StatusCode::OK);
/// assert_eq!(create("authorization", &bearer).await?.status(), StatusCode::FORBIDDEN);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct ManagedTokenResource {
    layer: AuthLayer,
    authenticator: Authenticator,
    mint: Mint,
    tokens: Arc<dyn ManagedTokens>,
    options: Options,
}

#[derive(Clone)]
struct Options {
    mounted_at: Arc<str>,
    issuer: Option<Arc<str>>,
    lifetimes: Lifetimes,
    page_size: u32,
    max_page_size: u32,
    body_limit: usize,
    mint_limit: Option<MintLimit>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mounted_at: "".into(),
            issuer: None,
            lifetimes: Lifetimes {
                default: DAY * 90,
                max: DAY * 365,
            },
            page_size: 50,
            max_page_size: 200,
            body_limit: 16 * 1024,
            mint_limit: None,
        }
    }
}

impl ManagedTokenResource {
    /// The scope that shows tokens.
    pub const READ_SCOPE: &'static str = "api_token:read";
    /// The scope that creates and changes tokens, and shows them too.
    pub const WRITE_SCOPE: &'static str = "api_token:write";

    /// Judges by `authenticator` who creates a token, and by `layer` who does anything else. `mint` signs the tokens,
    /// `tokens` keeps their records.
    #[must_use]
    pub fn new(
        layer: AuthLayer,
        authenticator: Authenticator,
        mint: Mint,
        tokens: Arc<dyn ManagedTokens>,
    ) -> Self {
        Self {
            layer,
            authenticator,
            mint,
            tokens,
            options: Options::default(),
        }
    }

    /// The path that requests begin with; by default none, as behind `nest_service`.
    #[must_use]
    pub fn mounted_at(mut self, path: impl Into<Arc<str>>) -> Self {
        self.options.mounted_at = path.into();
        self
    }

    /// The name of its issuer, where there are several: tokens of others do not exist here.
    #[must_use]
    pub fn of_issuer(mut self, name: impl Into<Arc<str>>) -> Self {
        self.options.issuer = Some(name.into());
        self
    }

    /// How long a token lives that asks for no end; by default 90 days, and never over the longest.
    #[must_use]
    pub const fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.options.lifetimes.default = lifetime;
        self
    }

    /// How long a token can live at most; by default 365 days. Verifiers take no longer ones than
    /// [`managed_tokens`](countersign::token::TrustedIssuerBuilder::managed_tokens) says.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.options.lifetimes.max = lifetime;
        self
    }

    /// How many tokens a page has; by default 50, where more than 200 cannot be asked for.
    #[must_use]
    pub fn page_size(mut self, default: NonZeroU32, max: NonZeroU32) -> Self {
        self.options.page_size = default.min(max).get();
        self.options.max_page_size = max.get();
        self
    }

    /// Another limit on bodies, in bytes; by default 16 KiB.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body_limit = bytes;
        self
    }

    /// Counts the tokens that are created, and the changes of those that there are.
    #[must_use]
    pub fn mint_limit(mut self, limit: MintLimit) -> Self {
        self.options.mint_limit = Some(limit);
        self
    }
}

/// What a path names.
#[derive(Clone, Copy)]
enum Route<'a> {
    All,
    One(&'a str),
    Transition(&'a str, &'static str),
}

const SUSPEND: &str = "suspend";
const ACTIVATE: &str = "activate";
const REVOKE: &str = "revoke";
const DELETE: &str = "delete";

impl<'a> Route<'a> {
    fn of(rest: &'a str) -> Option<Self> {
        match rest.split_once('/') {
            None if rest.is_empty() => Some(Self::All),
            None => Some(Self::One(rest)),
            Some((id, action)) => [SUSPEND, ACTIVATE, REVOKE]
                .into_iter()
                .find(|known| *known == action)
                .map(|action| Self::Transition(id, action)),
        }
    }

    const fn methods(self) -> &'static str {
        match self {
            Self::All => "GET, POST",
            Self::One(_) => "GET, DELETE",
            Self::Transition(..) => "POST",
        }
    }
}

impl ManagedTokenResource {
    async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let request_id = RequestId::of(&request, self.mint.clock(), self.mint.random());
        let path = request.uri().path().to_owned();
        let route = path::below(&path, &self.options.mounted_at).and_then(Route::of);
        let outcome = match (route, request.method()) {
            (Some(Route::All), &Method::POST) => self.create(request, &request_id).await,
            (Some(Route::All), &Method::GET) => self.list(request, &request_id).await,
            (Some(Route::One(id)), &Method::GET) => self.show(request, id, &request_id).await,
            (Some(Route::One(id)), &Method::DELETE) => {
                self.change(request, id, DELETE, &request_id).await
            }
            (Some(Route::Transition(id, action)), &Method::POST) => {
                self.change(request, id, action, &request_id).await
            }
            (Some(_), _) => Err(TokenError::MethodNotAllowed.into()),
            (None, _) => Err(TokenError::NotFound.into()),
        };
        let allow = route.map_or("", Route::methods);
        let mut response = outcome.unwrap_or_else(|problem| self.refuse(problem, allow));
        finish(&mut response, &request_id);
        response
    }

    fn refuse(&self, problem: Problem, allow: &'static str) -> Response<ResponseBody> {
        let mut response = problem.write();
        let Problem { what, rejection } = problem;
        if let What::Denied(denial) = &what {
            finish_denied(&mut response, denial, allow);
        }
        // RFC 9110 §15.5.2: a 401 has a challenge, also where the credentials lapsed while the request waited.
        let lapsed = response.status() == StatusCode::UNAUTHORIZED;
        let missing = || lapsed.then(|| self.authenticator.missing_credentials());
        if let Some(rejection) = rejection.clone().or_else(missing) {
            for challenge in rejection.challenges() {
                response.headers_mut().append(WWW_AUTHENTICATE, challenge);
            }
        }
        if let Some(rejection) = rejection {
            response.extensions_mut().insert(rejection);
        }
        response
    }
}

impl<B> Service<Request<B>> for ManagedTokenResource
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.respond(request).await) })
    }
}

impl fmt::Debug for ManagedTokenResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedTokenResource")
            .field("mounted_at", &self.options.mounted_at)
            .finish_non_exhaustive()
    }
}
