use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth::{BuildError, Caller, count_requirement, log};
use crate::rejection::{Grpc, InheritedBody, RejectBody, Rejection, UnmetRequirement};
use crate::require::{Requirement, methods};

/// Creates a layer that accepts the requests whose principal meets `requirement`.
///
/// # Errors
///
/// [`BuildError::Scope`] if a required scope is not a scope, [`BuildError::Claim`] if the name of a claim is empty, and
/// [`BuildError::EmptyRequirement`] if `all` or `any` is empty.
pub fn require(requirement: Requirement) -> Result<RequireLayer, BuildError> {
    requirement.validate()?;
    Ok(RequireLayer {
        checks: Arc::new(Checks::All(requirement)),
        reject_body: InheritedBody,
    })
}

/// Creates a layer with a requirement for each gRPC method, by its path `/package.Service/Method`. A
/// method that is not in the table is rejected for every principal. Rejections have gRPC's form.
///
/// ```
/// use countersign::require::{primary, require_methods, scope};
///
/// let layer = require_methods([
///     ("/calls.v1.Calls/List", scope("calls:read")),
///     ("/calls.v1.Calls/Delete", scope("calls:write") & primary()),
/// ])?;
///
/// // The path of a method includes its service.
/// assert!(require_methods([("/List", scope("calls:read"))]).is_err());
/// # Ok::<(), countersign::auth::BuildError>(())
/// ```
///
/// # Errors
///
/// [`BuildError::Method`] if a path is not the path of a gRPC method or is given twice, and the errors
/// of [`require`].
pub fn require_methods<P: Into<Box<str>>>(
    table: impl IntoIterator<Item = (P, Requirement)>,
) -> Result<RequireLayer<Grpc>, BuildError> {
    Ok(RequireLayer {
        checks: Arc::new(Checks::ByMethod(methods::by_path(table)?)),
        reject_body: Grpc::default(),
    })
}

/// The requirement of a request.
#[derive(Debug)]
enum Checks {
    All(Requirement),
    /// By path. Other paths are rejected.
    ByMethod(HashMap<Box<str>, Requirement>),
}

/// Checks that the principal of each request meets a requirement.
///
/// Realm, challenges and the body of rejections are those of the
/// [`AuthLayer`](crate::auth::AuthLayer) outside, unless [`reject_body`](Self::reject_body) sets
/// another body.
#[derive(Clone, Debug)]
pub struct RequireLayer<R = InheritedBody> {
    checks: Arc<Checks>,
    reject_body: R,
}

impl<R> RequireLayer<R> {
    /// Sets the body of rejections.
    #[must_use]
    pub fn reject_body<N>(self, reject_body: N) -> RequireLayer<N> {
        RequireLayer {
            checks: self.checks,
            reject_body,
        }
    }
}

impl<S, R: Clone> Layer<S> for RequireLayer<R> {
    type Service = Require<S, R>;

    fn layer(&self, inner: S) -> Require<S, R> {
        Require {
            inner,
            checks: Arc::clone(&self.checks),
            reject_body: self.reject_body.clone(),
        }
    }
}

/// The service of a [`RequireLayer`].
#[derive(Clone, Debug)]
pub struct Require<S, R> {
    inner: S,
    checks: Arc<Checks>,
    reject_body: R,
}

impl<S, R> Require<S, R> {
    fn check<B>(&self, request: &Request<B>) -> Result<(), Rejection> {
        let caller = Caller::of(request.extensions())?;
        let requirement = match &*self.checks {
            Checks::All(requirement) => Some(requirement),
            Checks::ByMethod(methods) => methods.get(request.uri().path()),
        };
        let result = match (requirement, caller.principal()) {
            (Some(requirement), principal) => requirement.unmet(principal),
            (None, None) => Err(UnmetRequirement::Principal),
            (None, Some(_)) => Err(UnmetRequirement::Denied),
        };
        let result = result.map_err(|unmet| caller.reject(&unmet));
        count_requirement(&result);
        result
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
        let state = match self.check(&request) {
            Ok(()) => State::Inner {
                future: self.inner.call(request),
            },
            Err(rejection) => {
                // As in `AuthService`: a service that is not called must not keep a permit.
                self.inner = self.inner.clone();
                log(&rejection);
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

    #[expect(
        clippy::expect_used,
        reason = "polling a future again after completion is a bug of the caller"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().state.project() {
            StateProj::Inner { future } => future.poll(cx),
            StateProj::Rejected { response } => {
                Poll::Ready(Ok(response.take().expect("polled after completion")))
            }
        }
    }
}

impl<F, ResBody> std::fmt::Debug for RequireFuture<F, ResBody> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
