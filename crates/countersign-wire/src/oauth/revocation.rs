use std::sync::Arc;

use countersign::Principal;
use countersign::auth::Authenticator;
use countersign::mechanism::Jwt;
use countersign::registry::{
    Caller, DeniedToken, Registry, RegistryError, SessionSelector, Sessions,
};
use countersign::time::Clock;
use http::{Request, Response, StatusCode};

use super::json_error;
use super::token_form::{TokenForm, TokenFormEndpoint};
use crate::authenticate::{RequestError, caller_of};
use crate::body::PendingBody;
use crate::credential_limit::CredentialLimit;
use crate::error::TokenError;
use crate::request_id::RequestId;
use crate::response::{self, ResponseBody};
use crate::service::{Endpoint, impl_service};

/// Revokes a token that was minted from the client's own credential (RFC 7009). Mount it at any path, such as
/// `/oauth/revoke`. Everything that reads the directory rejects the token from then on.
///
/// The request is a form with a `token`; a `token_type_hint` is ignored. Clients authenticate as for
/// [`Introspection`](crate::Introspection). The token is revoked by its issuer and `jti`, or with the session that it
/// belongs to. The response is 200 with an empty body, also for a token that is not accepted any more, or never was
/// (RFC 7009 §2.2).
///
/// # Errors
///
/// Those of [`Introspection`](crate::Introspection), and 400 `invalid_grant` (RFC 6749 §5.2) for a token that was minted
/// from another credential. Such a token is not revoked.
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
/// use countersign_wire::Revocation;
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
/// let revocation = Revocation::new(authenticator, jwt.clone(), registry);
/// let revoke = |key: &str| {
///     let request = Request::post("/oauth/revoke")
///         .header("x-api-key", key)
///         .header("content-type", "application/x-www-form-urlencoded")
///         .body(Full::<Bytes>::from(format!("token={}", token.expose())));
///     revocation.clone().oneshot(request.unwrap())
/// };
/// let rejected = revoke("no key").await?;
/// assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
///
/// # use countersign::time::Clock;
/// let now = SystemClock.now();
/// assert!(jwt.introspect(token.expose(), now).is_ok());
/// assert_eq!(revoke(key.expose()).await?.status(), StatusCode::OK);
/// assert!(jwt.introspect(token.expose(), now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Revocation {
    pub(crate) endpoint: TokenFormEndpoint,
    registry: Arc<dyn Registry>,
    sessions: Option<Arc<dyn Sessions>>,
}

impl Revocation {
    /// Creates the endpoint. `authenticator` authenticates clients, and `jwt` verifies tokens, both by the clock
    /// of `authenticator`.
    #[must_use]
    pub fn new(authenticator: Authenticator, jwt: Jwt, registry: Arc<dyn Registry>) -> Self {
        Self {
            endpoint: TokenFormEndpoint::new(authenticator, jwt),
            registry,
            sessions: None,
        }
    }

    /// Sets the sessions, so that the session of a revoked token ends too. Otherwise only the token is denied, and its
    /// session returns the denied token until it expires.
    #[must_use]
    pub fn sessions(mut self, sessions: Arc<dyn Sessions>) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// Sets the limit on the requests of each credential.
    #[must_use]
    pub fn limit(mut self, limit: CredentialLimit) -> Self {
        self.endpoint.limit = Some(limit);
        self
    }

    async fn revoke(
        &self,
        request: Request<PendingBody>,
        id: &RequestId,
    ) -> Result<Response<ResponseBody>, RequestError> {
        let form = self.endpoint.read(request, Jwt::introspect_for_revocation);
        let TokenForm { client, token } = form.await?;
        let Some(token) = token else {
            return Ok(response::empty(StatusCode::OK));
        };
        let client = client.principal();
        let Some(denied) = own_token(client, &token) else {
            let description = "the token was issued to another client".to_owned();
            let status = StatusCode::BAD_REQUEST;
            return Ok(json_error(status, "invalid_grant", description));
        };
        let caller = caller_of(client, id).ok_or(TokenError::Internal)?;
        let revoked = match self.end_session(&caller, &token).await {
            // The token may still be valid if its session is not stored any more.
            Some(Err(RegistryError::NotFound)) | None => {
                self.registry.deny_token(&caller, denied).await
            }
            Some(ended) => ended,
        };
        match revoked {
            Ok(()) => Ok(response::empty(StatusCode::OK)),
            // The account is the client's own.
            Err(RegistryError::NotFound) => Err(TokenError::Internal.into()),
            Err(error) => Err(TokenError::from(&error).into()),
        }
    }

    /// Ends the token's session; `None` if there is none to end.
    async fn end_session(
        &self,
        caller: &Caller,
        token: &Principal,
    ) -> Option<Result<(), RegistryError>> {
        let sessions = self.sessions.as_ref()?;
        let selector = SessionSelector::Id(*token.session()?);
        let credential = *token.credential_id()?;
        Some(sessions.end_sessions(caller, credential, selector).await)
    }
}

impl Endpoint for Revocation {
    fn clock(&self) -> &dyn Clock {
        self.endpoint.clock()
    }

    async fn respond(
        &self,
        request: Request<PendingBody>,
        id: &RequestId,
    ) -> Response<ResponseBody> {
        let revoked = self.revoke(request, id).await;
        revoked.unwrap_or_else(|error| self.endpoint.error_response(error))
    }
}

/// Returns what identifies the token, if it was minted from the client's credential.
fn own_token(client: &Principal, token: &Principal) -> Option<DeniedToken> {
    let credential = token.credential_id()?;
    if client.credential_id() != Some(credential) || client.account() != token.account() {
        return None;
    }
    Some(DeniedToken {
        issuer: token.issuer()?.to_owned(),
        token: token.token_id()?.parse().ok()?,
        account: *token.account()?,
        expires_at: token.expires_at()?,
    })
}

impl_service!(Revocation);
