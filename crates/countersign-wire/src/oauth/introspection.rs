use countersign::auth::Authenticator;
use countersign::mechanism::Jwt;
use countersign::scope::Scope;
use countersign::time::Clock;
use countersign::{Id, Principal};
use http::{Request, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::json;
use super::token_form::{TokenForm, TokenFormEndpoint};
use crate::body::PendingBody;
use crate::credential_limit::CredentialLimit;
use crate::request_id::RequestId;
use crate::response::ResponseBody;
use crate::service::{Endpoint, impl_service};

/// Responds whether a token is accepted, and what it says (RFC 7662). Mount it at any path, such as `/oauth/introspect`.
///
/// The request is a form with a `token`. Clients authenticate as at the token endpoint ([`OAuth`](crate::OAuth)):
/// with `client_secret_basic`, `client_secret_post`, or an API key in its header, and never with a bearer token. A client
/// sees the tokens that were minted from its own credential; with the scope `token:introspect` it sees those of its
/// account. The response for every other token, expired, revoked, forged or another client's, is `{"active":false}`.
///
/// # Errors
///
/// The body is `{"error":"…","error_description":"…"}` (RFC 6749 §5.2):
///
/// | status | error | when |
/// |---|---|---|
/// | 400 | `invalid_request` | the body is not a form, `token` is missing, a parameter is repeated, there are two credentials, or `client_id` is another client |
/// | 401 | `invalid_client` | the client's credentials are missing or not valid, for any reason |
/// | 403 | `unauthorized_client` | a bearer token, valid or not |
/// | 403 | `cross_site` | a page of another site caused the request |
/// | 405 | | another method |
/// | 413 | `invalid_request` | the body is over 16 KiB |
/// | 429 | `slow_down` | too many failures or requests; see `Retry-After` |
/// | 503 | `temporarily_unavailable` | the client or the token could not be checked; this does not mean `"active":false` |
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
/// # let head = countersign::credentials::RequestHead::empty();
/// # let credentials = countersign::credentials::Credentials::key(key.clone());
/// # let principal = authenticator.authenticate(credentials, &head).await?.primary().unwrap();
/// # let token = mint.mint(&countersign::mint::MintRequest::new(principal, Default::default()))?.token;
/// // `jwt` verifies the tokens of this issuer, and `token` was minted from `key`.
/// let introspection = Introspection::new(authenticator, jwt);
/// let introspect = |key: &str, token: &str| {
///     let request = Request::post("/oauth/introspect")
///         .header("x-api-key", key)
///         .header("content-type", "application/x-www-form-urlencoded")
///         .body(Full::<Bytes>::from(format!("token={token}")));
///     introspection.clone().oneshot(request.unwrap())
/// };
/// let response = introspect(key.expose(), token.expose()).await?;
/// let body = response.into_body().collect().await?.to_bytes();
/// assert!(body.starts_with(br#"{"active":true,"scope":"calls:read","#));
///
/// let response = introspect(key.expose(), "garbage").await?;
/// assert_eq!(response.into_body().collect().await?.to_bytes(), r#"{"active":false}"#);
///
/// let rejected = introspect("no key", token.expose()).await?;
/// assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Introspection {
    pub(crate) endpoint: TokenFormEndpoint,
}

/// RFC 7662 §2.2, and the claims of this issuer's tokens.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OAuthIntrospection))]
pub(crate) struct IntrospectionResponse<'a> {
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
    jti: Option<&'a str>,
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

/// The response for a token that the client may not see, or that is not accepted.
#[derive(Serialize)]
struct InactiveResponse {
    active: bool,
}

impl Introspection {
    /// The scope with which a client sees all tokens of its account.
    pub const SCOPE: &'static str = "token:introspect";

    /// Creates the endpoint. `authenticator` authenticates clients, and `jwt` verifies tokens, both by the clock
    /// of `authenticator`.
    #[must_use]
    pub fn new(authenticator: Authenticator, jwt: Jwt) -> Self {
        Self {
            endpoint: TokenFormEndpoint::new(authenticator, jwt),
        }
    }

    /// Sets the limit on the requests of each credential.
    #[must_use]
    pub fn limit(mut self, limit: CredentialLimit) -> Self {
        self.endpoint.limit = Some(limit);
        self
    }
}

impl Endpoint for Introspection {
    fn clock(&self) -> &dyn Clock {
        self.endpoint.clock()
    }

    async fn respond(
        &self,
        request: Request<PendingBody>,
        _: &RequestId,
    ) -> Response<ResponseBody> {
        let TokenForm { client, token } = match self.endpoint.read(request, Jwt::introspect).await {
            Ok(form) => form,
            Err(error) => return self.endpoint.error_response(error),
        };
        match token.filter(|token| may_see(client.principal(), token)) {
            Some(token) => json(StatusCode::OK, &IntrospectionResponse::from(&token)),
            None => json(StatusCode::OK, &InactiveResponse { active: false }),
        }
    }
}

/// Returns whether a client may see a token.
fn may_see(client: &Principal, token: &Principal) -> bool {
    let (Some(credential), Some(account)) = (token.credential_id(), token.account()) else {
        return false;
    };
    if client.account() != Some(account) {
        return false;
    }
    let all = Introspection::SCOPE.parse::<Scope>();
    client.credential_id() == Some(credential) || all.is_ok_and(|all| client.scopes().grants(&all))
}

impl<'a> From<&'a Principal> for IntrospectionResponse<'a> {
    fn from(token: &'a Principal) -> Self {
        Self {
            active: true,
            scope: token.scopes().as_str(),
            // Both are the credential's id in this issuer's tokens.
            client_id: token.subject(),
            sub: token.subject(),
            token_type: "Bearer",
            exp: token.expires_at().map(|end| end.unix_seconds()),
            iat: token.claim("iat"),
            aud: token.claim("aud"),
            iss: token.issuer(),
            jti: token.token_id(),
            account: token.account(),
            environment: token.environment(),
            sid: token.session(),
        }
    }
}

impl_service!(Introspection);
