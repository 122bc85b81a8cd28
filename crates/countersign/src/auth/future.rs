use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::auth::Pending;
use crate::auth::observe::log;
use crate::auth::service::insert_principal;
use crate::rejection::RejectBody;

pin_project! {
    /// The response of an [`AuthService`](crate::auth::AuthService).
    pub struct ResponseFuture<S, R, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    {
        #[pin]
        state: State<S, R, ReqBody, ResBody, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, R, ReqBody, ResBody, F> {
        /// Accepted: the inner service answers.
        Inner { #[pin] future: F },
        /// Rejected: the answer is there.
        Rejected { response: Option<Response<ResBody>> },
        /// Not judged yet. Service and request wait here, and go when they are no longer needed.
        Judging {
            pending: Pending,
            held: Option<(S, Request<ReqBody>)>,
            reject_body: R,
        },
    }
}

impl<S, R, ReqBody, ResBody> ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    pub(super) fn inner(future: S::Future) -> Self {
        Self {
            state: State::Inner { future },
        }
    }

    pub(super) fn rejected(response: Response<ResBody>) -> Self {
        Self {
            state: State::Rejected {
                response: Some(response),
            },
        }
    }

    pub(super) fn judging(
        pending: Pending,
        ready: S,
        request: Request<ReqBody>,
        reject_body: R,
    ) -> Self {
        Self {
            state: State::Judging {
                pending,
                held: Some((ready, request)),
                reject_body,
            },
        }
    }
}

impl<S, R, ReqBody, ResBody> Future for ResponseFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: RejectBody<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Inner { future } => return future.poll(cx),
                StateProj::Rejected { response } => match response.take() {
                    Some(response) => return Poll::Ready(Ok(response)),
                    // Polled again after it was ready. There is nothing more to say.
                    None => return Poll::Pending,
                },
                StateProj::Judging {
                    pending,
                    held,
                    reject_body,
                } => {
                    let judged = ready!(Pin::new(pending).poll(cx));
                    let held = held.take();
                    match (judged, held) {
                        (Ok(principal), Some((mut service, mut request))) => {
                            insert_principal(&mut request, principal);
                            State::Inner {
                                future: service.call(request),
                            }
                        }
                        (_, None) => return Poll::Pending,
                        (Err(rejection), Some((service, request))) => {
                            drop(service);
                            log(&rejection);
                            let response = rejection.into_response(reject_body, request.headers());
                            State::Rejected {
                                response: Some(response),
                            }
                        }
                    }
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
