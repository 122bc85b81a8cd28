use std::sync::Arc;

use countersign::auth::Authenticator;
#[cfg(feature = "openapi")]
use countersign::mint::IssuanceSettings;
use countersign::mint::{AccessToken, Mint, MintRequest, SessionMint};
use countersign::principal::PrimaryPrincipal;
use countersign::random::Random;
use countersign::registry::{SessionError, SessionName};
use countersign::time::Clock;
use http::{Request, Response};

use crate::authenticate::{EndpointAuthenticator, RequestError, count};
use crate::body::{DEFAULT_LIMIT, PendingBody};
use crate::credential_limit::CredentialLimit;
use crate::error::{Throttled, TokenError};
use crate::request_id::RequestId;
use crate::response::ResponseBody;
use crate::service::{Endpoint, impl_service};
use crate::wire::{RequestContext, TokenResponse, Wire};

/// Exchanges primary credentials for bearer tokens, in the HTTP format of one [`Wire`].
///
/// The checks are the same for all wires, in this order: the method; a bearer token, which is rejected without being
/// parsed; ambiguity; then credentials in the headers before the body is read, or the body before the credentials in it;
/// then the lifetime, then the scopes. If the authenticator reads tokens from a cookie, a request without other credentials
/// that has this cookie is rejected with 403, like a bearer token.
///
/// A 401 has a challenge for each scheme that the wire accepts, with the realm of the authenticator (RFC 9110 §15.5.2);
/// where credentials travel in the body, it is `Credentials realm="…"`, for which browsers do not prompt.
#[derive(Clone)]
pub struct TokenEndpoint<W>(Arc<Inner<W>>);

/// It is shared, because the endpoint is cloned for each request.
#[derive(Clone)]
struct Inner<W> {
    wire: W,
    authenticator: EndpointAuthenticator,
    mint: TokenMint,
    body_limit: usize,
    limit: Option<CredentialLimit>,
    not_found: bool,
}

/// The mint of a [`TokenEndpoint`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenMint {
    /// Mints a new token for each request.
    PerRequest(Mint),
    /// Returns the token of the session while it is valid.
    PerSession(SessionMint),
}

impl From<Mint> for TokenMint {
    fn from(mint: Mint) -> Self {
        Self::PerRequest(mint)
    }
}

impl From<SessionMint> for TokenMint {
    fn from(mint: SessionMint) -> Self {
        Self::PerSession(mint)
    }
}

impl<W: Wire> TokenEndpoint<W> {
    /// Creates an endpoint that reads bodies of at most 16 KiB, and mints without a limit.
    #[must_use]
    pub fn new(wire: W, authenticator: Authenticator, mint: impl Into<TokenMint>) -> Self {
        Self(Arc::new(Inner {
            authenticator: EndpointAuthenticator::new(authenticator, wire.credential_source()),
            wire,
            mint: mint.into(),
            body_limit: DEFAULT_LIMIT,
            limit: None,
            not_found: false,
        }))
    }

    /// Sets the limit on bodies, in bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.inner_mut().body_limit = bytes;
        self
    }

    /// Sets the limit on the tokens of each credential.
    #[must_use]
    pub fn limit(mut self, limit: CredentialLimit) -> Self {
        self.inner_mut().limit = Some(limit);
        self
    }

    /// Returns the service to mount below the path of the endpoint. It responds with the wire's 404.
    #[must_use]
    pub fn not_found_service(mut self) -> Self {
        self.inner_mut().not_found = true;
        self
    }

    fn inner_mut(&mut self) -> &mut Inner<W> {
        Arc::make_mut(&mut self.0)
    }
}

#[cfg(feature = "openapi")]
impl<W: Wire> TokenEndpoint<W> {
    /// Returns the wire and the settings of its mint; `None` for a [`not_found_service`](Self::not_found_service).
    pub(crate) fn operation(&self) -> Option<(&W, &IssuanceSettings)> {
        (!self.0.not_found).then(|| (&self.0.wire, self.0.mint.inner().settings()))
    }
}

impl<W: Wire> Endpoint for TokenEndpoint<W> {
    fn body_limit(&self) -> usize {
        self.0.body_limit
    }

    fn clock(&self) -> &dyn Clock {
        self.0.mint.inner().clock()
    }

    fn random(&self) -> &dyn Random {
        self.0.mint.inner().random()
    }

    async fn respond(
        &self,
        request: Request<PendingBody>,
        id: &RequestId,
    ) -> Response<ResponseBody> {
        match self.issue(request).await {
            Ok((token, principal)) => {
                let (token, principal) = (&token, &principal);
                let response = TokenResponse::Issued { token, principal };
                self.0.wire.write(response, &self.context(id))
            }
            Err(error) => self.error_response(error, id),
        }
    }
}

impl<W: Wire> TokenEndpoint<W> {
    async fn issue(
        &self,
        request: Request<PendingBody>,
    ) -> Result<(AccessToken, PrimaryPrincipal), RequestError> {
        if self.0.not_found {
            return Err(TokenError::NotFound.into());
        }
        let read = |head: &_, body: &_| {
            let mut request = self.0.wire.read(head, body)?;
            let parameters = std::mem::take(&mut request.parameters);
            let session = request.session.take();
            Ok((request, (parameters, session)))
        };
        let authenticated = self.0.authenticator.authenticate(request, read);
        let (principal, (parameters, session)) = authenticated.await?;
        count(self.0.limit.as_ref(), principal.principal(), self.clock())?;
        let request = MintRequest::new(principal.clone(), parameters);
        let token = self.0.mint.mint(&request, session).await?;
        Ok((token, principal))
    }

    /// Returns the response to a request that failed.
    pub(crate) fn error_response(
        &self,
        error: RequestError,
        id: &RequestId,
    ) -> Response<ResponseBody> {
        let write = |error: &_| {
            self.0
                .wire
                .write(TokenResponse::Error(error), &self.context(id))
        };
        self.0.authenticator.error_response(error, "POST", write)
    }

    fn context(&self, id: &RequestId) -> RequestContext {
        RequestContext {
            id: id.clone(),
            now: self.clock().now(),
        }
    }
}

impl TokenMint {
    fn inner(&self) -> &Mint {
        match self {
            Self::PerRequest(mint) => mint,
            Self::PerSession(mint) => mint.token_mint(),
        }
    }

    async fn mint(
        &self,
        request: &MintRequest,
        session: Option<SessionName>,
    ) -> Result<AccessToken, TokenError> {
        let mint = match self {
            Self::PerRequest(mint) => return Ok(mint.mint(request)?),
            Self::PerSession(mint) => mint,
        };
        mint.mint(request, session)
            .await
            .map_err(|error| match error {
                SessionError::Mint(error) => error.into(),
                SessionError::TooMany(until) => {
                    let now = self.inner().clock().now().unix_seconds();
                    let seconds = until.unix_seconds().saturating_sub(now).max(1);
                    TokenError::TooManyRequests(Throttled {
                        retry_after: u32::try_from(seconds).unwrap_or(u32::MAX),
                        policy: "sessions",
                        quota: None,
                    })
                }
                _ => TokenError::Unavailable(1),
            })
    }
}

impl_service!(TokenEndpoint<W>);
