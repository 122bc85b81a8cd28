use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::auth::Authentication;
use crate::auth::service::insert_principal;
use crate::auth::telemetry::log;
use crate::principal::Principal;
use crate::rejection::{RejectBody, render_inherited};

pin_project! {
    /// The response of an [`AuthService`](crate::auth::AuthService).
    pub struct ResponseFuture<S, R, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    {
        #[pin]
        state: State<S, ReqBody, ResBody, S::Future>,
        // None only where the response of the rejection is already there.
        reject_body: Option<R>,
        // What becomes an extension of the response.
        principal: Option<Principal>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, ReqBody, ResBody, F> {
        // The request was accepted: the inner service answers.
        Inner { #[pin] future: F },
        // What an accepted request does not need. It is behind a pointer, so that its future is not larger than that of the inner
        // service, and is moved as one piece.
        Other { other: Box<Other<S, ReqBody, ResBody>> },
    }
}

enum Other<S, ReqBody, ResBody> {
    /// The request was rejected.
    Rejected(Option<Response<ResBody>>),
    /// The authentication has to wait. The service and the request wait with it.
    Authenticating {
        authentication: Authentication,
        waiting: Option<(S, Request<ReqBody>)>,
        shows_principal: bool,
    },
}

impl<S, R, ReqBody, ResBody> ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    pub(super) fn inner(future: S::Future, reject_body: R, principal: Option<Principal>) -> Self {
        Self {
            state: State::Inner { future },
            reject_body: Some(reject_body),
            principal,
        }
    }

    pub(super) fn rejected(response: Response<ResBody>) -> Self {
        Self {
            state: State::other(Other::Rejected(Some(response))),
            reject_body: None,
            principal: None,
        }
    }

    pub(super) fn authenticating(
        authentication: Authentication,
        waiting: (S, Request<ReqBody>),
        reject_body: R,
        shows_principal: bool,
    ) -> Self {
        Self {
            state: State::other(Other::Authenticating {
                authentication,
                waiting: Some(waiting),
                shows_principal,
            }),
            reject_body: Some(reject_body),
            principal: None,
        }
    }
}

impl<S, ReqBody, ResBody, F> State<S, ReqBody, ResBody, F> {
    fn other(other: Other<S, ReqBody, ResBody>) -> Self {
        Self::Other {
            other: Box::new(other),
        }
    }
}

impl<S, R, ReqBody, ResBody> Future for ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: RejectBody<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    #[expect(
        clippy::expect_used,
        reason = "polling a future again after completion is a bug of the caller"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut state = this.state;
        loop {
            let other = match state.as_mut().project() {
                StateProj::Inner { future } => {
                    let mut response = ready!(future.poll(cx))?;
                    if let Some(principal) = this.principal.take() {
                        response.extensions_mut().insert(principal);
                    }
                    return Poll::Ready(Ok(match this.reject_body {
                        Some(reject_body) => render_inherited(response, reject_body),
                        None => response,
                    }));
                }
                StateProj::Other { other } => &mut **other,
            };
            let (authentication, waiting, shows_principal) = match other {
                Other::Rejected(response) => {
                    let response = response.take().expect("polled after completion");
                    return Poll::Ready(Ok(response));
                }
                Other::Authenticating {
                    authentication,
                    waiting,
                    shows_principal,
                } => (authentication, waiting, *shows_principal),
            };
            let result = ready!(Pin::new(authentication).poll(cx));
            let (mut service, mut request) = waiting.take().expect("polled after completion");
            let next = match result {
                Ok(principal) => {
                    *this.principal = shows_principal.then(|| principal.clone());
                    insert_principal(&mut request, principal);
                    State::Inner {
                        future: service.call(request),
                    }
                }
                Err(rejection) => {
                    // A rejected request holds no permit while its response is on the way.
                    drop(service);
                    log(&rejection);
                    let reject_body = this.reject_body.as_ref().expect("polled after completion");
                    let response = rejection.into_response(reject_body, request.headers());
                    State::other(Other::Rejected(Some(response)))
                }
            };
            state.set(next);
        }
    }
}

impl<S, R, ReqBody, ResBody> std::fmt::Debug for ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
