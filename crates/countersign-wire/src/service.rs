//! The implementation of `tower::Service` that all endpoints share.

/// Implements `Service` and `Debug` for a type that is cheap to clone, and that responds with its method `respond`. It is
/// always ready.
macro_rules! impl_service {
    ($name:ident $(<$wire:ident>)?) => {
        impl<$($wire: $crate::wire::Wire,)? B> tower_service::Service<http::Request<B>> for $name$(<$wire>)?
        where
            B: http_body::Body + Send + 'static,
            B::Data: Send,
            B::Error: std::error::Error + Send + Sync + 'static,
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
                let this = self.clone();
                Box::pin(async move { Ok(this.respond(request).await) })
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
