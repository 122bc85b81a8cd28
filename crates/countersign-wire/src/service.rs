//! The implementation of `tower::Service` that all endpoints share.

use countersign::random::{Random, SystemRandom};
use countersign::time::Clock;
use http::{Request, Response};
use http_body::Body;

use crate::body::{DEFAULT_LIMIT, PendingBody, read_body};
use crate::request_id::RequestId;
use crate::response::{ResponseBody, set_common_headers};

/// A service that responds to every request.
pub(crate) trait Endpoint {
    fn body_limit(&self) -> usize {
        DEFAULT_LIMIT
    }

    fn clock(&self) -> &dyn Clock;

    fn random(&self) -> &dyn Random {
        &SystemRandom
    }

    /// Responds without the headers that all responses have.
    fn respond(
        &self,
        request: Request<PendingBody>,
        id: &RequestId,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;
}

/// Responds to one request.
pub(crate) async fn respond<E, B>(endpoint: E, request: Request<B>) -> Response<ResponseBody>
where
    E: Endpoint + Send + Sync,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let id = RequestId::of(&request, endpoint.clock(), endpoint.random());
    let limit = endpoint.body_limit();
    let request = request.map(|body| -> PendingBody { Box::pin(read_body(body, limit)) });
    let mut response = endpoint.respond(request, &id).await;
    set_common_headers(&mut response, &id);
    response
}

/// Implements `Service` and `Debug` for an [`Endpoint`] that is cheap to clone. It is always ready.
macro_rules! impl_service {
    ($name:ident $(<$wire:ident>)?) => {
        impl<$($wire: $crate::wire::Wire,)? B> tower_service::Service<http::Request<B>> for $name$(<$wire>)?
        where
            B: http_body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
                + Send
                + 'static,
        {
            type Response = http::Response<$crate::response::ResponseBody>;
            type Error = std::convert::Infallible;
            type Future = countersign::BoxFuture<'static, Result<Self::Response, Self::Error>>;

            fn poll_ready(
                &mut self,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Result<(), Self::Error>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<B>) -> Self::Future {
                let response = $crate::service::respond(self.clone(), request);
                Box::pin(async { Ok(response.await) })
            }
        }

        impl$(<$wire>)? std::fmt::Debug for $name$(<$wire>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use impl_service;
