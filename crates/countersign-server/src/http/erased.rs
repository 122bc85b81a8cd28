//! Handlers and services whose types are erased.
//!
//! axum compiles some thirty functions for each type that a router mounts. For these two types it compiles them once.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use countersign::BoxFuture;
use futures_util::TryFutureExt as _;
use tower::{Service, ServiceExt as _};

use super::openapi::Mountable;

/// A handler of any type.
#[derive(Clone)]
pub(super) struct ErasedHandler<S>(
    Arc<dyn Fn(Request, S) -> BoxFuture<'static, Response> + Send + Sync>,
);

impl<S: 'static> ErasedHandler<S> {
    pub(super) fn new<T: 'static>(handler: impl Handler<T, S>) -> Self {
        Self(Arc::new(move |request, state| {
            Box::pin(handler.clone().call(request, state))
        }))
    }
}

impl<S: Clone + Send + Sync + 'static> Handler<(), S> for ErasedHandler<S> {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, state: S) -> Self::Future {
        (self.0)(request, state)
    }
}

/// A service of any type.
#[derive(Clone)]
pub(super) struct ErasedService(Arc<dyn Fn(Request) -> ErasedFuture + Send + Sync>);

/// The response of an [`ErasedService`].
pub(super) type ErasedFuture = BoxFuture<'static, Result<Response, Infallible>>;

impl ErasedService {
    pub(super) fn new(service: impl Mountable) -> Self {
        Self(Arc::new(move |request| {
            let response = service.clone().oneshot(request);
            Box::pin(response.map_ok(IntoResponse::into_response))
        }))
    }

    /// Does the same as `call`, without a clone.
    pub(super) fn respond(&self, request: Request) -> ErasedFuture {
        (self.0)(request)
    }
}

impl Service<Request> for ErasedService {
    type Response = Response;
    type Error = Infallible;
    type Future = ErasedFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The service itself is waited for in its future.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> ErasedFuture {
        self.respond(request)
    }
}
