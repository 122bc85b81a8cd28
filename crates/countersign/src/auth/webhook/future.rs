use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::WebhookLayer;
use super::body::Collect;
use crate::rejection::RejectBody;

pin_project! {
    /// The response of a [`WebhookService`](crate::auth::WebhookService). Dropping it cancels the request.
    pub struct WebhookFuture<S, R, ReqBody, ResBody>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>>,
    {
        #[pin]
        state: State<S, R, ReqBody, ResBody, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, R, ReqBody, ResBody, F> {
        // The webhook was rejected.
        Rejected { response: Option<Response<ResBody>> },
        // The body is read. Nothing of the inner service is reserved.
        Reading {
            #[pin]
            body: Collect<ReqBody>,
            waiting: Option<(WebhookLayer<R>, S, Parts)>,
        },
        // The webhook was verified, and the inner service is not ready yet.
        Verified { service: S, request: Option<Request<Full<Bytes>>> },
        // The inner service answers.
        Inner { #[pin] future: F },
    }
}

impl<S, R, ReqBody, ResBody> WebhookFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>>,
{
    pub(super) fn rejected(response: Response<ResBody>) -> Self {
        let response = Some(response);
        Self {
            state: State::Rejected { response },
        }
    }

    pub(super) fn reading(layer: WebhookLayer<R>, inner: S, request: Request<ReqBody>) -> Self {
        let (head, body) = request.into_parts();
        Self {
            state: State::Reading {
                body: Collect::new(body, layer.limit()),
                waiting: Some((layer, inner, head)),
            },
        }
    }
}

impl<S, R, ReqBody, ResBody> Future for WebhookFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>>,
    R: RejectBody<ResBody>,
    ReqBody: Body,
{
    type Output = Result<Response<ResBody>, S::Error>;

    #[expect(
        clippy::expect_used,
        reason = "polling a future again after completion is a bug of the caller"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Rejected { response } => {
                    let response = response.take().expect("polled after completion");
                    return Poll::Ready(Ok(response));
                }
                StateProj::Reading { body, waiting } => {
                    let body = ready!(body.poll(cx));
                    let (layer, service, mut head) =
                        waiting.take().expect("polled after completion");
                    let verified = body.and_then(|body| {
                        let webhook = layer.verify(&head.headers, &body)?;
                        Ok((body, webhook))
                    });
                    match verified {
                        Ok((body, webhook)) => {
                            head.extensions.insert(webhook);
                            let request = Request::from_parts(head, Full::new(body));
                            State::Verified {
                                service,
                                request: Some(request),
                            }
                        }
                        Err(reason) => State::Rejected {
                            response: Some(layer.reject(reason, &head.headers)),
                        },
                    }
                }
                StateProj::Verified { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    let request = request.take().expect("polled after completion");
                    State::Inner {
                        future: service.call(request),
                    }
                }
                StateProj::Inner { future } => return future.poll(cx),
            };
            state.set(next);
        }
    }
}

impl<S, R, ReqBody, ResBody> std::fmt::Debug for WebhookFuture<S, R, ReqBody, ResBody>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookFuture").finish_non_exhaustive()
    }
}
