use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::BoxFuture;
use countersign::auth::Authenticator;
use countersign::credentials::Credentials;
#[cfg(feature = "openapi")]
use countersign::mint::IssuanceSettings;
use countersign::mint::{AccessToken, Mint, MintError, MintParameters, MintRequest, SessionMint};
use countersign::principal::PrimaryPrincipal;
use countersign::registry::{SessionError, SessionName};
use http::{Request, Response, request};
use http_body::Body;
use tower_service::Service;

use crate::finish::{finish, finish_denied};
use crate::front::{self, Reading, Refused};
use crate::{
    MintLimit, RequestContext, RequestId, ResponseBody, Source, Throttled, TokenError,
    TokenRequest, TokenResponse, Wire,
};

const DEFAULT_BODY_LIMIT: usize = 16 * 1024;

/// Exchanges a primary credential for a bearer token, in the shape of one [`Wire`].
///
/// The order of judging is the same for all: method; a bearer, valid or garbage, is refused unparsed;
/// ambiguity; credentials in headers before the body is read, credentials in the body after it; then
/// lifetime, then scope.
pub struct TokenEndpoint<W>(Arc<Inner<W>>);

struct Inner<W> {
    wire: W,
    authenticator: Authenticator,
    minter: Minter,
    options: Options,
}

#[derive(Clone)]
struct Options {
    body_limit: usize,
    mint_limit: Option<MintLimit>,
    /// Nothing is at this path, and the wire says so in its own words.
    nothing_here: bool,
}

/// Where an endpoint's tokens come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Minter {
    /// A new token each time.
    Each(Mint),
    /// The token of the session, while it is valid.
    Sessions(SessionMint),
}

impl From<Mint> for Minter {
    fn from(mint: Mint) -> Self {
        Self::Each(mint)
    }
}

impl From<SessionMint> for Minter {
    fn from(mint: SessionMint) -> Self {
        Self::Sessions(mint)
    }
}

impl<W: Wire> TokenEndpoint<W> {
    /// An endpoint that takes bodies of at most 16 KiB, and mints without a limit.
    #[must_use]
    pub fn new(wire: W, authenticator: Authenticator, minter: impl Into<Minter>) -> Self {
        let options = Options {
            body_limit: DEFAULT_BODY_LIMIT,
            mint_limit: None,
            nothing_here: false,
        };
        Self::with(wire, authenticator, minter.into(), options)
    }

    fn with(wire: W, authenticator: Authenticator, minter: Minter, options: Options) -> Self {
        Self(Arc::new(Inner {
            wire,
            authenticator,
            minter,
            options,
        }))
    }
}

impl<W: Wire + Clone> TokenEndpoint<W> {
    /// The same with another limit on bodies, in bytes.
    #[must_use]
    pub fn body_limit(self, bytes: usize) -> Self {
        self.configured(|options| options.body_limit = bytes)
    }

    /// The same, counting what it mints.
    #[must_use]
    pub fn mint_limit(self, limit: MintLimit) -> Self {
        self.configured(|options| options.mint_limit = Some(limit))
    }

    /// What to mount below the endpoint's own path: it answers that nothing is there, in the wire's words.
    #[must_use]
    pub fn nothing_here(self) -> Self {
        self.configured(|options| options.nothing_here = true)
    }

    fn configured(self, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = self.0.options.clone();
        change(&mut options);
        let Inner {
            wire,
            authenticator,
            minter,
            ..
        } = &*self.0;
        Self::with(wire.clone(), authenticator.clone(), minter.clone(), options)
    }
}

#[cfg(feature = "openapi")]
impl<W: Wire> TokenEndpoint<W> {
    /// The wire, and the terms of its mint; `None` where nothing is mounted.
    pub(crate) fn mounted(&self) -> Option<(&W, &IssuanceSettings)> {
        let inner = &*self.0;
        (!inner.options.nothing_here).then(|| (&inner.wire, inner.minter.mint().settings()))
    }

    /// A refusal as it goes out.
    pub(crate) fn refusal(&self, denial: &TokenError) -> Response<ResponseBody> {
        let exchange = self.0.exchange(self.own_request_id());
        let mut response = self.0.refuse(denial, &exchange);
        finish(&mut response, &exchange.id);
        response
    }

    /// The id of a request that nobody sent.
    pub(crate) fn own_request_id(&self) -> RequestId {
        let mint = self.0.minter.mint();
        RequestId::new(mint.clock().now(), mint.random())
    }
}

/// A wire reads as the front wants it.
struct PendingRequest<'a, W>(&'a W);

impl<W: Wire> Reading for PendingRequest<'_, W> {
    type Asked = (MintParameters, Option<SessionName>);

    fn source(&self) -> Source {
        self.0.source()
    }

    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, TokenError> {
        self.0.read_credentials(presented)
    }

    fn read(
        &self,
        head: &request::Parts,
        body: &Bytes,
    ) -> Result<(Option<Credentials>, Self::Asked), TokenError> {
        let TokenRequest {
            credentials,
            parameters,
            session,
        } = self.0.read(head, body)?;
        Ok((credentials, (parameters, session)))
    }
}

impl<W: Wire> Inner<W> {
    async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let id = self.minter.request_id(&request);
        let exchange = || self.exchange(id.clone());
        let mut response = match self.issue(request).await {
            Ok((token, principal)) => self.wire.write(
                TokenResponse::Issued {
                    token: &token,
                    principal: &principal,
                },
                &exchange(),
            ),
            Err(Refused { denial, rejection }) => {
                let mut response = self.refuse(&denial, &exchange());
                if let Some(rejection) = rejection {
                    response.extensions_mut().insert(rejection);
                }
                response
            }
        };
        finish(&mut response, &id);
        response
    }

    fn exchange(&self, id: RequestId) -> RequestContext {
        RequestContext {
            id,
            now: self.minter.mint().clock().now(),
        }
    }

    fn refuse(&self, denial: &TokenError, exchange: &RequestContext) -> Response<ResponseBody> {
        let mut response = self.wire.write(TokenResponse::Denied(denial), exchange);
        finish_denied(&mut response, denial, "POST");
        response
    }

    async fn issue<B>(
        &self,
        request: Request<B>,
    ) -> Result<(AccessToken, PrimaryPrincipal), Refused>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        if self.options.nothing_here {
            return Err(TokenError::NotFound.into());
        }
        let reading = PendingRequest(&self.wire);
        let limit = self.options.body_limit;
        let admitted = front::admit(&reading, &self.authenticator, limit, request);
        let (principal, (parameters, session)) = admitted.await?;
        if let (Some(limit), Some(credential)) = (
            &self.options.mint_limit,
            principal.principal().credential_id(),
        ) {
            let now = self.minter.mint().clock().now();
            limit
                .take(credential, now)
                .map_err(TokenError::TooManyRequests)?;
        }
        let request = MintRequest::new(principal.clone(), parameters);
        let token = self.minter.mint_for(&request, session).await?;
        Ok((token, principal))
    }
}

impl Minter {
    fn mint(&self) -> &Mint {
        match self {
            Self::Each(mint) => mint,
            Self::Sessions(mint) => mint.token_mint(),
        }
    }

    fn request_id<B>(&self, request: &Request<B>) -> RequestId {
        let mint = self.mint();
        RequestId::of(request, mint.clock(), mint.random())
    }

    async fn mint_for(
        &self,
        request: &MintRequest,
        session: Option<SessionName>,
    ) -> Result<AccessToken, TokenError> {
        match self {
            Self::Each(mint) => mint.mint(request).map_err(not_minted),
            Self::Sessions(mint) => {
                mint.mint(request, session)
                    .await
                    .map_err(|error| match error {
                        SessionError::Mint(error) => not_minted(error),
                        SessionError::TooMany(until) => {
                            let now = mint.token_mint().clock().now();
                            let seconds = until.unix_seconds().saturating_sub(now.unix_seconds());
                            TokenError::TooManyRequests(Throttled {
                                retry_after: u32::try_from(seconds.max(1)).unwrap_or(u32::MAX),
                                policy: "sessions",
                                quota: None,
                            })
                        }
                        _ => TokenError::Unavailable(1),
                    })
            }
        }
    }
}

fn not_minted(error: MintError) -> TokenError {
    match error {
        MintError::Lifetime => TokenError::InvalidLifetime,
        MintError::Scope(scopes) => TokenError::InvalidScope(scopes),
        MintError::Audience => TokenError::InvalidTarget,
        MintError::Expired => TokenError::Unauthenticated,
        _ => TokenError::Failed,
    }
}

impl<W, B> Service<Request<B>> for TokenEndpoint<W>
where
    W: Wire,
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
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Ok(inner.respond(request).await) })
    }
}

impl<W> Clone for TokenEndpoint<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W> fmt::Debug for TokenEndpoint<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint").finish_non_exhaustive()
    }
}
