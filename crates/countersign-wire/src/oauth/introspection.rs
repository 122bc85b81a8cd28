use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll};

use countersign::auth::Authenticator;
use countersign::mechanism::Jwt;
use countersign::scope::Scope;
use countersign::time::Clock;
use countersign::{BoxFuture, Id, Principal};
use http::{Request, Response, StatusCode};
use http_body::Body;
use serde::Serialize;
use serde_json::Value;
use tower_service::Service;

use super::json;
use super::token_request::{TokenForm, TokenRequests};
use crate::ResponseBody;

/// Tells a client whether a token is accepted at present, and what it says (RFC 7662): `POST /oauth/introspect`,
/// mounted at whichever path.
///
/// The request is a form with a `token`. Clients authenticate as at the token endpoint ([`OAuth`](crate::OAuth)):
/// with `client_secret_basic`, `client_secret_post`, or an API key in its header, and never with a bearer. A client
/// sees the tokens that were minted from its own credential, or, holding the scope `token:introspect`, those of its
/// account. Every other token, expired, revoked, forged or somebody else's, is `{"active":false}` and no more.
///
/// # Errors
///
/// As RFC 6749 §5.2 has them:
///
/// | status | error | when |
/// |---|---|---|
/// | 400 | `invalid_request` | no form, no `token`, a parameter twice, or two credentials |
/// | 401 | `invalid_client` | the client's credentials are not good, for whatever reason |
/// | 403 | `unauthorized_client` | a bearer, valid or not |
/// | 405 | | another method |
/// | 413 | `invalid_request` | the body is over 16 KiB |
/// | 429 | `slow_down` | too many failures; see `Retry-After` |
/// | 503 | `temporarily_unavailable` | client or token were not judged: that is not `"active":false` |
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
/// use countersign_wire::Introspection;
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let registry = Arc::new(registry);
/// # let new = NewKey::new("ci", "calls:read".parse()?);
/// # let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
/// # let issuer = Issuer::builder("https://auth.example")
/// #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
/// #     .build()?;
/// # let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom);
/// # let authenticator =
/// #     Authenticator::builder().primary(ApiKeys::new(directory.clone(), peppers)).build()?;
/// # let jwt = Jwt::new([issuer.trusted().directory(directory.clone()).build()?]);
/// # let principal = authenticator.authenticate(countersign::credentials::Credentials::key(key.clone())).await?;
/// # let token = mint.mint(&countersign::mint::MintRequest::new(principal, Default::default()))?.token;
/// // `jwt` judges this issuer's tokens, `token` is one that was minted from `key`.
/// let introspection = Introspection::new(authenticator, jwt);
/// let ask = |key: &str, token: &str| {
///     let request = Request::post("/oauth/introspect")
///         .header("x-api-key", key)
///         .header("content-type", "application/x-www-form-urlencoded")
///         .body(Full::<Bytes>::from(format!("token={token}")));
///     introspection.clone().oneshot(request.unwrap())
/// };
/// let answer = ask(key.expose(), token.expose()).await?;
/// let body = answer.into_body().collect().await?.to_bytes();
/// assert!(body.starts_with(br#"{"active":true,"scope":"calls:read","#));
///
/// let answer = ask(key.expose(), "garbage").await?;
/// assert_eq!(answer.into_body().collect().await?.to_bytes(), r#"{"active":false}"#);
///
/// let refused = ask("no key", token.expose()).await?;
/// assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Introspection {
    pub(crate) requests: TokenRequests,
}

/// RFC 7662 §2.2, and our own claims.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OAuthIntrospection))]
pub(crate) struct Active<'a> {
    active: bool,
    #[cfg_attr(feature = "openapi", schema(required = false))]
    scope: &'a str,
    #[cfg_attr(feature = "openapi", schema(required = false))]
    client_id: &'a str,
    #[cfg_attr(feature = "openapi", schema(required = false))]
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[cfg_attr(feature = "openapi", schema(required = false))]
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    jti: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    account: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    environment: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    sid: Option<&'a Id>,
}

/// The whole of what is said of any other token.
#[derive(Serialize)]
struct Inactive {
    active: bool,
}

impl Introspection {
    /// The scope that shows all tokens of an account.
    pub const SCOPE: &'static str = "token:introspect";

    /// Judges clients by `authenticator`, and tokens by `jwt`, at the system's clock.
    #[must_use]
    pub fn new(authenticator: Authenticator, jwt: Jwt) -> Self {
        Self {
            requests: TokenRequests::new(authenticator, jwt),
        }
    }

    /// The clock to judge tokens by; by default the system's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            requests: self.requests.clock(clock),
        }
    }

    async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let id = self.requests.request_id(&request);
        let outcome = self.requests.read(request).await;
        let outcome = outcome.map(|TokenForm { client, token }| {
            match token.filter(|token| sees(client.principal(), token)) {
                Some(token) => json(StatusCode::OK, &Active::of(&token)),
                None => json(StatusCode::OK, &Inactive { active: false }),
            }
        });
        self.requests.answer(outcome, &id)
    }
}

/// Whether a client may know that somebody has this token.
fn sees(client: &Principal, token: &Principal) -> bool {
    let (Some(credential), Some(account)) = (token.credential_id(), token.account()) else {
        return false;
    };
    if client.account() != Some(account) {
        return false;
    }
    let all = Introspection::SCOPE.parse::<Scope>();
    client.credential_id() == Some(credential) || all.is_ok_and(|all| client.scopes().grants(&all))
}

impl<'a> Active<'a> {
    fn of(token: &'a Principal) -> Self {
        Self {
            active: true,
            scope: token.scopes().as_str(),
            // In tokens of ours they are the same.
            client_id: token.subject(),
            token_type: "Bearer",
            exp: token.expires_at().map(|end| end.unix_seconds()),
            iat: token.claim("iat"),
            sub: token.subject(),
            aud: token.claim("aud"),
            iss: token.issuer(),
            jti: token.claim("jti"),
            account: token.account(),
            environment: token.environment(),
            sid: token.session(),
        }
    }
}

impl<B> Service<Request<B>> for Introspection
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

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").finish_non_exhaustive()
    }
}
