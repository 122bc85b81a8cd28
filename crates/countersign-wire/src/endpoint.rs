use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign::BoxFuture;
use countersign::auth::PrimaryAuthenticator;
use countersign::credentials::{AuthScheme, ClientAddress};
use countersign::mint::{Mint, MintError, MintRequest};
use countersign::rejection::{Rejection, RejectionKind};
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::{Answer, Denial, ResponseBody, Submission, Wire, body};

const DEFAULT_BODY_LIMIT: usize = 16 * 1024;

/// Exchanges a primary credential for a bearer token, in the shape of one [`Wire`].
///
/// The order of judging is the same for all: method; a bearer, valid or garbage, is refused unparsed;
/// ambiguity; credentials in headers before the body is read, credentials in the body after it; then
/// lifetime, then scope.
pub struct TokenEndpoint<W>(Arc<Inner<W>>);

struct Inner<W> {
    wire: W,
    authenticator: PrimaryAuthenticator,
    mint: Mint,
    body_limit: usize,
}

impl<W: Wire> TokenEndpoint<W> {
    /// An endpoint that takes bodies of at most 16 KiB.
    #[must_use]
    pub fn new(wire: W, authenticator: PrimaryAuthenticator, mint: Mint) -> Self {
        Self::with_body_limit(wire, authenticator, mint, DEFAULT_BODY_LIMIT)
    }

    /// An endpoint that takes bodies of at most `body_limit` bytes.
    #[must_use]
    pub fn with_body_limit(
        wire: W,
        authenticator: PrimaryAuthenticator,
        mint: Mint,
        body_limit: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            wire,
            authenticator,
            mint,
            body_limit,
        }))
    }
}

impl<W: Wire> Inner<W> {
    async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let mut rejection = None;
        let denial = match self.issue(request, &mut rejection).await {
            Ok(response) => return finish(response),
            Err(denial) => denial,
        };
        let mut response = finish(self.wire.write(Answer::Denied(denial)));
        let headers = response.headers_mut();
        if denial == Denial::MethodNotAllowed {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if let Denial::Unavailable(seconds) | Denial::TooManyRequests(seconds) = denial {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For whoever logs outside: which check it was.
        if let Some(rejection) = rejection {
            response.extensions_mut().insert(rejection);
        }
        response
    }

    async fn issue<B>(
        &self,
        request: Request<B>,
        rejection: &mut Option<Rejection>,
    ) -> Result<Response<ResponseBody>, Denial>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return Err(Denial::MethodNotAllowed);
        }
        if presents_bearer(&head.headers) {
            return Err(Denial::Chaining);
        }
        let mut deny = |why: Rejection| {
            let denial = denial(&why);
            *rejection = Some(why);
            denial
        };
        let from = head.extensions.get::<ClientAddress>().copied();
        let presented = self.authenticator.read(&head).map_err(&mut deny)?;
        let in_headers = match presented {
            Some(credentials) => {
                let credentials = self.wire.read_credentials(credentials)?;
                let credentials = credentials.presented_from(from);
                // Whoever has none that are good gets no body read.
                let judged = self.authenticator.authenticate(credentials.clone());
                judged.await.map_err(&mut deny)?;
                Some(credentials)
            }
            None => None,
        };
        let body = body::read(body, self.body_limit).await?;
        let Submission {
            credentials: in_body,
            parameters,
        } = self.wire.read(&head, &body)?;
        let credentials = match (in_headers, in_body) {
            (Some(_), Some(_)) => return Err(Denial::Ambiguous),
            (None, None) => return Err(deny(self.authenticator.missing())),
            (Some(credentials), None) => credentials,
            (None, Some(credentials)) => credentials.presented_from(from),
        };
        // Judged after the body in any case: it may have taken its time, and a credential that was revoked
        // meanwhile mints nothing.
        let judged = self.authenticator.authenticate(credentials);
        let principal = judged.await.map_err(&mut deny)?;
        let request = MintRequest::new(principal.clone(), parameters);
        let token = self.mint.mint(&request).map_err(|error| match error {
            MintError::Lifetime => Denial::InvalidLifetime,
            MintError::Scope => Denial::InvalidScope,
            MintError::Audience => Denial::InvalidTarget,
            MintError::Expired => Denial::Unauthenticated,
            _ => Denial::Failed,
        })?;
        Ok(self.wire.write(Answer::Issued {
            token: &token,
            principal: &principal,
        }))
    }
}

/// Whether any `Authorization` header, also one of several or a joined one, begins with a scheme of
/// bearers. Nothing behind the scheme is looked at.
fn presents_bearer(headers: &HeaderMap) -> bool {
    let bearers = [AuthScheme::BEARER, AuthScheme::new("DPoP")];
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|part| {
            let part = part.trim_ascii_start();
            bearers.iter().any(|scheme| begins_with(part, scheme))
        })
    })
}

fn begins_with(text: &[u8], scheme: &AuthScheme) -> bool {
    let name = scheme.as_str().as_bytes();
    text.get(..name.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(name))
        && !text
            .get(name.len())
            .is_some_and(|&next| next.is_ascii_alphanumeric() || next == b'-' || next == b'_')
}

fn denial(rejection: &Rejection) -> Denial {
    match rejection.kind() {
        RejectionKind::Malformed => Denial::Ambiguous,
        RejectionKind::Missing | RejectionKind::Invalid => Denial::Unauthenticated,
        RejectionKind::TooManyRequests => {
            Denial::TooManyRequests(rejection.retry_after().unwrap_or(1))
        }
        RejectionKind::Unavailable => Denial::Unavailable(rejection.retry_after().unwrap_or(1)),
        _ => Denial::Failed,
    }
}

fn finish(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
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
