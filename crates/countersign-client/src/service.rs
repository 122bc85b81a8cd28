use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{Request, Response};
use tower::{Service, ServiceExt as _};

use crate::BoxError;
use crate::challenge::asks_for_another_token;
use crate::origin::Targets;
use crate::replay::Replay;
use crate::token_request::TokenRequest;
use crate::tokens::Tokens;

/// The service of [`BearerLayer`](crate::BearerLayer).
///
/// Its error is that of the inner service, or a [`TokenError`](crate::TokenError) if there is no token. Then the
/// inner service has not been called.
#[derive(Clone, Debug)]
pub struct BearerService<S, R> {
    pub(crate) inner: S,
    pub(crate) tokens: Tokens,
    pub(crate) targets: Targets,
    pub(crate) replay: R,
}

impl<S, R, B, C> Service<Request<B>> for BearerService<S, R>
where
    S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: Replay<B> + Send + 'static,
    B: Send + 'static,
    C: Send + 'static,
{
    type Response = Response<C>;
    type Error = BoxError;
    type Future = BearerFuture<Response<C>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that is ready is the one that is called; its clone has not been polled.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        if request.headers().contains_key(AUTHORIZATION) || !self.targets.include(request.uri()) {
            let response = inner.call(request);
            return BearerFuture(Box::pin(async { response.await.map_err(Into::into) }));
        }
        let (tokens, replay) = (self.tokens.clone(), self.replay.clone());
        BearerFuture(Box::pin(send(inner, tokens, replay, request)))
    }
}

async fn send<S, R, B, C>(
    mut inner: S,
    tokens: Tokens,
    replay: R,
    request: Request<B>,
) -> Result<Response<C>, BoxError>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Error: Into<BoxError>,
    R: Replay<B>,
{
    let wanted = request.extensions().get::<TokenRequest>().cloned();
    let token = tokens.get_for(wanted.as_ref()).await?;
    let (mut head, body) = request.into_parts();
    head.headers
        .insert(AUTHORIZATION, token.authorization().clone());
    let copy = replay.copy(&body).map(|body| (head.clone(), body));
    let response = inner
        .call(Request::from_parts(head, body))
        .await
        .map_err(Into::into)?;
    if !asks_for_another_token(&response) {
        return Ok(response);
    }
    let Some((mut head, body)) = copy else {
        tokens.request_other(wanted.as_ref(), &token);
        return Ok(response);
    };
    let Some(other) = tokens.replace(wanted.as_ref(), &token).await else {
        return Ok(response);
    };
    #[cfg(feature = "metrics")]
    metrics::counter!("countersign_client_retries_total").increment(1);
    head.headers
        .insert(AUTHORIZATION, other.authorization().clone());
    let inner = inner.ready().await.map_err(Into::into)?;
    inner
        .call(Request::from_parts(head, body))
        .await
        .map_err(Into::into)
}

/// The response future of [`BearerService`]. It panics if it is polled after completion.
pub struct BearerFuture<T>(Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>);

impl<T> Future for BearerFuture<T> {
    type Output = Result<T, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for BearerFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerFuture").finish_non_exhaustive()
    }
}
