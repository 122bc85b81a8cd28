//! Any credential that is good, whichever kind it is, for the calls that create nothing.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::task::{Context, Poll};

use countersign::Principal;
use countersign::auth::AuthLayer;
use countersign::rejection::Rejection;
use countersign::require::{Requirement, require};
use http::{Request, Response};
use tower_layer::Layer as _;
use tower_service::Service;

use super::problem::Problem;
use crate::TokenError;

/// Who asks, if it meets `requirement`; and the request, without its credentials. The layers are asked for their
/// judgement alone, so that order, challenges and reasons are theirs.
pub(super) async fn admit<B>(
    layer: &AuthLayer,
    requirement: Requirement,
    request: Request<B>,
) -> Result<(Principal, Request<B>), Problem> {
    let require = require(requirement).map_err(|_| TokenError::Failed)?;
    let mut service = layer.layer(require.layer(LetIn));
    let Ok(()) = poll_fn(|cx| Service::<Request<B>>::poll_ready(&mut service, cx)).await;
    let Ok(response) = service.call(request).await;
    let (head, request) = response.into_parts();
    let principal = |request: &Request<B>| request.extensions().get::<Principal>().cloned();
    match request.and_then(|request| Some((principal(&request)?, request))) {
        Some(admitted) => Ok(admitted),
        None => Err(match head.extensions.get::<Rejection>() {
            Some(rejection) => rejection.clone().into(),
            None => TokenError::Failed.into(),
        }),
    }
}

/// Hands the request back: it was let in.
#[derive(Clone)]
struct LetIn;

impl<B> Service<Request<B>> for LetIn {
    type Response = Response<Option<Request<B>>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(Response::new(Some(request))))
    }
}
