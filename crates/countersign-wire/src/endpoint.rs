use std::sync::Arc;

use bytes::Bytes;
use countersign::auth::Authenticator;
use countersign::credentials::Credentials;
#[cfg(feature = "openapi")]
use countersign::mint::IssuanceSettings;
use countersign::mint::{AccessToken, Mint, MintParameters, MintRequest, SessionMint};
use countersign::principal::PrimaryPrincipal;
use countersign::registry::{SessionError, SessionName};
use http::{Request, Response, request};
use http_body::Body;

use crate::authenticate::{EndpointAuthenticator, RequestError, RequestReader};
use crate::body;
use crate::error::{Throttled, TokenError};
use crate::mint_limit::MintLimit;
use crate::request_id::RequestId;
use crate::response::{ResponseBody, set_common_headers};
use crate::service::impl_service;
use crate::wire::{RequestContext, TokenResponse, Wire};

/// Exchanges primary credentials for bearer tokens, in the HTTP format of one [`Wire`].
///
/// The checks are the same for all wires, in this order: the method; a bearer token, which is rejected without being
/// parsed; ambiguity; then credentials in the headers before the body is read, or the body before the credentials in it;
/// then the lifetime, then the scopes.
///
/// A 401 has a challenge for each scheme that the wire accepts, with the realm of the authenticator (RFC 9110 §15.5.2);
/// where credentials travel in the body, it is `Credentials realm="…"`, for which browsers do not prompt.
pub struct TokenEndpoint<W>(Arc<Inner<W>>);

#[derive(Clone)]
struct Inner<W> {
    wire: W,
    authenticator: EndpointAuthenticator,
    mint: TokenMint,
    body_limit: usize,
    mint_limit: Option<MintLimit>,
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
            body_limit: body::DEFAULT_LIMIT,
            mint_limit: None,
            not_found: false,
        }))
    }
}

impl<W: Wire + Clone> TokenEndpoint<W> {
    /// Sets the limit on bodies, in bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.0).body_limit = bytes;
        self
    }

    /// Sets the limit on the tokens of each credential.
    #[must_use]
    pub fn mint_limit(mut self, limit: MintLimit) -> Self {
        Arc::make_mut(&mut self.0).mint_limit = Some(limit);
        self
    }

    /// Returns the service to mount below the path of the endpoint. It responds with the wire's 404.
    #[must_use]
    pub fn not_found_service(mut self) -> Self {
        Arc::make_mut(&mut self.0).not_found = true;
        self
    }
}

#[cfg(feature = "openapi")]
impl<W: Wire> TokenEndpoint<W> {
    /// Returns the wire and the settings of its mint; `None` for a [`not_found_service`](Self::not_found_service).
    pub(crate) fn operation(&self) -> Option<(&W, &IssuanceSettings)> {
        (!self.0.not_found).then(|| (&self.0.wire, self.0.mint.inner().settings()))
    }

    /// Returns the response to a request that failed.
    pub(crate) fn error_response(&self, error: TokenError) -> Response<ResponseBody> {
        self.0.finish(Err(error.into()), self.new_request_id())
    }

    pub(crate) fn new_request_id(&self) -> RequestId {
        let mint = self.0.mint.inner();
        RequestId::new(mint.clock().now(), mint.random())
    }
}

/// A wire reads the requests of its endpoint.
impl<W: Wire> RequestReader for W {
    type Parameters = (MintParameters, Option<SessionName>);

    fn read_credentials(&self, credentials: Credentials) -> Result<Credentials, TokenError> {
        Wire::read_credentials(self, credentials)
    }

    fn read(
        &self,
        head: &request::Parts,
        body: &Bytes,
    ) -> Result<(Option<Credentials>, Self::Parameters), TokenError> {
        let request = Wire::read(self, head, body)?;
        Ok((request.credentials, (request.parameters, request.session)))
    }
}

type Issued = (AccessToken, PrimaryPrincipal);

impl<W: Wire> TokenEndpoint<W> {
    async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let mint = self.0.mint.inner();
        let id = RequestId::of(&request, mint.clock(), mint.random());
        let result = self.0.issue(request).await;
        self.0.finish(result, id)
    }
}

impl<W: Wire> Inner<W> {
    async fn issue<B>(&self, request: Request<B>) -> Result<Issued, RequestError>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        if self.not_found {
            return Err(TokenError::NotFound.into());
        }
        let (principal, (parameters, session)) = self
            .authenticator
            .authenticate(&self.wire, self.body_limit, request)
            .await?;
        if let Some(limit) = &self.mint_limit {
            limit.count(principal.principal(), self.mint.inner().clock().now())?;
        }
        let request = MintRequest::new(principal.clone(), parameters);
        let token = self.mint.mint(&request, session).await?;
        Ok((token, principal))
    }

    fn finish(
        &self,
        result: Result<Issued, RequestError>,
        id: RequestId,
    ) -> Response<ResponseBody> {
        let now = self.mint.inner().clock().now();
        let context = RequestContext { id, now };
        let mut response = match result {
            Ok((token, principal)) => {
                let (token, principal) = (&token, &principal);
                self.wire
                    .write(TokenResponse::Issued { token, principal }, &context)
            }
            Err(error) => {
                let mut response = self
                    .wire
                    .write(TokenResponse::Error(&error.error), &context);
                self.authenticator
                    .complete_error(&mut response, error, "POST");
                response
            }
        };
        set_common_headers(&mut response, &context.id);
        response
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

impl<W> Clone for TokenEndpoint<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl_service!(TokenEndpoint<W>);
