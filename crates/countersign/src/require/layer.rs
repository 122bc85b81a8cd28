use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth::BuildError;
use crate::principal::Principal;
use crate::rejection::{EmptyBody, Grpc, RejectBody, Rejection};
use crate::require::Requirement;
use crate::require::methods::Methods;
use crate::require::requirement::Check;

/// A layer that lets in the principals that meet `requirement`, with rejections without a body.
///
/// # Errors
///
/// [`BuildError::Scope`] when a scope in it is not one.
#[expect(
    clippy::needless_pass_by_value,
    reason = "`require(scope(…))` reads as it should only with the requirement by value"
)]
pub fn require(requirement: Requirement) -> Result<RequireLayer, BuildError> {
    Ok(RequireLayer {
        check: Arc::new(Asked::Always(Check::new(&requirement)?)),
        reject_body: EmptyBody,
    })
}

/// A layer that asks for what each gRPC method requires, by its path: `/package.Service/Method`. A method that is
/// not in the table is closed to everybody. Rejections are gRPC's.
///
/// ```
/// use countersign::require::{primary, require_methods, scope};
///
/// let layer = require_methods([
///     ("/calls.v1.Calls/List", scope("calls:read")),
///     ("/calls.v1.Calls/Delete", scope("calls:write") & primary()),
/// ])?;
///
/// // Without its service a method is nowhere.
/// assert!(require_methods([("/List", scope("calls:read"))]).is_err());
/// # Ok::<(), countersign::auth::BuildError>(())
/// ```
///
/// # Errors
///
/// [`BuildError::Method`] when a path is not one of gRPC, or comes twice; [`BuildError::Scope`] when a scope is not
/// one.
pub fn require_methods<P: Into<Box<str>>>(
    table: impl IntoIterator<Item = (P, Requirement)>,
) -> Result<RequireLayer<Grpc>, BuildError> {
    Ok(RequireLayer {
        check: Arc::new(Asked::ByMethod(Methods::new(table)?)),
        reject_body: Grpc::default(),
    })
}

/// What is asked for.
#[derive(Debug)]
enum Asked {
    Always(Check),
    ByMethod(Methods),
}

/// Asks the principal of each request for what a route requires.
///
/// Realm and challenges are those of the `AuthLayer` that judged the request. The body of rejections is not:
/// it is empty unless [`reject_body`](Self::reject_body) chooses one here too.
#[derive(Clone, Debug)]
pub struct RequireLayer<R = EmptyBody> {
    check: Arc<Asked>,
    reject_body: R,
}

impl<R> RequireLayer<R> {
    /// The body of rejections.
    #[must_use]
    pub fn reject_body<N>(self, reject_body: N) -> RequireLayer<N> {
        RequireLayer {
            check: self.check,
            reject_body,
        }
    }
}

impl<S, R: Clone> Layer<S> for RequireLayer<R> {
    type Service = Require<S, R>;

    fn layer(&self, inner: S) -> Require<S, R> {
        Require {
            inner,
            check: Arc::clone(&self.check),
            reject_body: self.reject_body.clone(),
        }
    }
}

/// The service of a [`RequireLayer`].
#[derive(Clone, Debug)]
pub struct Require<S, R> {
    inner: S,
    check: Arc<Asked>,
    reject_body: R,
}

impl<S, R> Require<S, R> {
    fn ask<B>(&self, request: &Request<B>) -> Result<(), Rejection> {
        let principal = request
            .extensions()
            .get::<Principal>()
            .ok_or_else(Rejection::layer_missing)?;
        let asked = match &*self.check {
            Asked::Always(check) => check.ask(principal),
            Asked::ByMethod(methods) => methods.ask(request.uri().path(), principal),
        };
        let asked = asked.map_err(|lack| principal.reject(lack));
        crate::auth::required(&asked);
        asked
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Require<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: RejectBody<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = RequireFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let state = match self.ask(&request) {
            Ok(()) => State::Inner {
                future: self.inner.call(request),
            },
            Err(rejection) => {
                // As in `AuthService`: whoever is not called gives back what being ready took.
                let clone = self.inner.clone();
                drop(mem::replace(&mut self.inner, clone));
                crate::auth::log(&rejection);
                State::Rejected {
                    response: Some(rejection.into_response(&self.reject_body, request.headers())),
                }
            }
        };
        RequireFuture { state }
    }
}

pin_project! {
    /// The response of a [`Require`] service.
    pub struct RequireFuture<F, ResBody> {
        #[pin]
        state: State<F, ResBody>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, ResBody> {
        Inner { #[pin] future: F },
        Rejected { response: Option<Response<ResBody>> },
    }
}

impl<F, E, ResBody> Future for RequireFuture<F, ResBody>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().state.project() {
            StateProj::Inner { future } => future.poll(cx),
            StateProj::Rejected { response } => response
                .take()
                .map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
        }
    }
}

impl<F, ResBody> std::fmt::Debug for RequireFuture<F, ResBody> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
