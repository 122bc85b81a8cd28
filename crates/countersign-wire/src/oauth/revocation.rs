use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign::auth::Authenticator;
use countersign::mechanism::Jwt;
use countersign::registry::{
    Caller, DeniedToken, Registry, RegistryError, SessionSelector, Sessions,
};
use countersign::time::Clock;
use countersign::{BoxFuture, Principal};
use http::{Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;

use super::token_request::{TokenForm, TokenRequests};
use super::{Denied, json};
use crate::front::{Refused, not_done};
use crate::{RequestId, ResponseBody, TokenError};

/// Takes back a token that was minted from the client's own credential (RFC 7009): `POST /oauth/revoke`, mounted at
/// whichever path. It is refused from then on, wherever the directory is known.
///
/// The request is a form with a `token`; a `token_type_hint` is ignored. Clients authenticate as for
/// [`Introspection`](crate::Introspection). What is revoked is the one token, by issuer and `jti`, or the session that
/// it belongs to. The answer is 200 with an empty body, also for a token that is no good any more, or never was
/// (RFC 7009 §2.2).
///
/// # Errors
///
/// As for [`Introspection`](crate::Introspection), and 400 `invalid_grant` (RFC 6749 §5.2) for a token that was
/// minted from another credential: nothing is revoked then.
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
/// # let principal = authenticator.authenticate(countersign::credentials::Credentials::key(key.clone())).await?;
/// # let token = mint.mint(&countersign::mint::MintRequest::new(principal, Default::default()))?.token;
/// // `jwt` judges this issuer's tokens, `token` is one that was minted from `key`.
/// let revocation = Revocation::new(authenticator, jwt.clone(), registry);
/// let ask = |key: &str| {
///     let request = Request::post("/oauth/revoke")
///         .header("x-api-key", key)
///         .header("content-type", "application/x-www-form-urlencoded")
///         .body(Full::<Bytes>::from(format!("token={}", token.expose())));
///     revocation.clone().oneshot(request.unwrap())
/// };
/// let refused = ask("no key").await?;
/// assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
///
/// # use countersign::time::Clock;
/// let now = SystemClock.now();
/// assert!(jwt.introspect(token.expose(), now).is_ok());
/// assert_eq!(ask(key.expose()).await?.status(), StatusCode::OK);
/// assert!(jwt.introspect(token.expose(), now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Revocation {
    pub(crate) requests: TokenRequests,
    registry: Arc<dyn Registry>,
    sessions: Option<Arc<dyn Sessions>>,
}

impl Revocation {
    /// Judges clients by `authenticator`, and tokens by `jwt`, at the system's clock.
    #[must_use]
    pub fn new(authenticator: Authenticator, jwt: Jwt, registry: Arc<dyn Registry>) -> Self {
        Self {
            requests: TokenRequests::new(authenticator, jwt),
            registry,
            sessions: None,
        }
    }

    /// Ends the session that a token belongs to. Without this the token itself is denied, and its session hands it
    /// out again, dead, until it expires.
    #[must_use]
    pub fn sessions(self, sessions: Arc<dyn Sessions>) -> Self {
        Self {
            sessions: Some(sessions),
            ..self
        }
    }

    /// The clock to judge tokens by; by default the system's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            requests: self.requests.clock(clock),
            ..self
        }
    }

    async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let id = self.requests.request_id(&request);
        let outcome = match self.requests.read(request).await {
            Ok(asked) => self.revoke(asked, &id).await,
            Err(refused) => Err(refused),
        };
        self.requests.answer(outcome, &id)
    }

    async fn revoke(
        &self,
        TokenForm { client, token }: TokenForm,
        id: &RequestId,
    ) -> Result<Response<ResponseBody>, Refused> {
        let done = Response::new(ResponseBody::default());
        let Some(token) = token else {
            return Ok(done);
        };
        let Some(denied) = own(client.principal(), &token) else {
            return Ok(json(
                StatusCode::BAD_REQUEST,
                &Denied {
                    error: "invalid_grant",
                    error_description: "the token was issued to another client",
                },
            ));
        };
        let caller = Caller::of_account(client.principal().subject(), denied.account)
            .authenticated_as(client.principal())
            .with_request_id(id.clone());
        let ended = self.end_session(&caller, &token).await;
        // A session that is not kept any more leaves a token that may still be good.
        let ended = match ended {
            Some(Err(RegistryError::NotFound)) | None => {
                self.registry.deny_token(&caller, denied).await
            }
            Some(ended) => ended,
        };
        match ended {
            Ok(()) => Ok(done),
            // The account is the client's own.
            Err(RegistryError::NotFound) => Err(TokenError::Failed.into()),
            Err(error) => Err(not_done(&error).into()),
        }
    }

    /// `None` where there is no session to end.
    async fn end_session(
        &self,
        caller: &Caller,
        token: &Principal,
    ) -> Option<Result<(), RegistryError>> {
        let sessions = self.sessions.as_ref()?;
        let which = SessionSelector::Id(*token.session()?);
        let credential = *token.credential_id()?;
        Some(sessions.end_sessions(caller, credential, which).await)
    }
}

/// What names the token, if it was minted from the client's credential.
fn own(client: &Principal, token: &Principal) -> Option<DeniedToken> {
    let credential = token.credential_id()?;
    if client.credential_id() != Some(credential) || client.account() != token.account() {
        return None;
    }
    Some(DeniedToken {
        issuer: token.issuer()?.to_owned(),
        token: token.claim("jti")?,
        account: *token.account()?,
        expires_at: token.expires_at()?,
    })
}

impl<B> Service<Request<B>> for Revocation
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

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation").finish_non_exhaustive()
    }
}
