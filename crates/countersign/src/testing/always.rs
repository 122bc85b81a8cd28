use std::task::{Context, Poll};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth::insert_principal;
use crate::principal::Principal;

/// A layer that replaces an [`AuthLayer`](crate::AuthLayer) in tests of requirements, extractors and handlers. It accepts
/// every request as the same principal, whatever credentials the request presents.
///
/// ```
/// use countersign::require::{require, scope};
/// use countersign::testing::AlwaysLayer;
/// use countersign::{Id, Principal};
/// use http::{Request, Response, StatusCode};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # tokio_test::block_on(async {
/// let id: Id = "01k0000000abcdefghjkmnpqrstvwxyz".parse()?;
/// let status = async |scopes: &str| {
///     let service = ServiceBuilder::new()
///         .layer(AlwaysLayer::new(Principal::for_test(id, scopes.parse().unwrap())))
///         .layer(require(scope("calls:read")).unwrap())
///         .service(service_fn(async |_: Request<String>| {
///             Ok::<_, std::convert::Infallible>(Response::new(String::new()))
///         }));
///     service.oneshot(Request::default()).await.unwrap().status()
/// };
/// assert_eq!(status("calls:*").await, StatusCode::OK);
/// assert_eq!(status("calls:write").await, StatusCode::FORBIDDEN);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct AlwaysLayer(Principal);

impl AlwaysLayer {
    /// Creates a layer that inserts this principal into every request. A
    /// [`PrimaryPrincipal`](crate::PrimaryPrincipal) remains primary.
    #[must_use]
    pub fn new(principal: impl Into<Principal>) -> Self {
        Self(principal.into())
    }
}

impl<S> Layer<S> for AlwaysLayer {
    type Service = AlwaysService<S>;

    fn layer(&self, inner: S) -> AlwaysService<S> {
        AlwaysService {
            inner,
            principal: self.0.clone(),
        }
    }
}

/// The service of an [`AlwaysLayer`].
#[derive(Clone, Debug)]
pub struct AlwaysService<S> {
    inner: S,
    principal: Principal,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for AlwaysService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        insert_principal(&mut request, self.principal.clone());
        self.inner.call(request)
    }
}
