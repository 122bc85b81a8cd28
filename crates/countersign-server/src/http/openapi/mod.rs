//! `/openapi.json`: the description of every endpoint, made from the routes themselves.
//!
//! [`Routes`] takes handlers and services only together with their descriptions, so that the document describes
//! everything that is served.

mod document;
mod draft;
mod handlers;

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::MethodRouter;
use countersign_wire::openapi::{Describe, Description};
use tower::{Layer, Service};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{HttpMethod, RefOr};

pub(super) use draft::{DescribeExtractor, OperationDraft};
pub(super) use handlers::{DescribedHandler, delete, get, post, put};

/// Routes with their descriptions.
pub(super) struct Routes<S = ()> {
    router: Router<S>,
    operations: Vec<Mounted>,
    schemas: Vec<(String, RefOr<Schema>)>,
}

/// One operation, with its whole path.
struct Mounted {
    path: String,
    method: HttpMethod,
    operation: Operation,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(super) fn new() -> Self {
        Self {
            router: Router::new(),
            operations: Vec::new(),
            schemas: Vec::new(),
        }
    }

    /// Mounts handlers, one for each method.
    pub(super) fn at(
        mut self,
        path: &str,
        handlers: impl IntoIterator<Item = DescribedHandler<S>>,
    ) -> Self {
        let mut methods = MethodRouter::new();
        for handler in handlers {
            let (route, description) = handler.finish(path);
            methods = methods.merge(route);
            self.describe(path, description);
        }
        self.router = self.router.route(path, methods);
        self
    }

    /// Mounts a service.
    pub(super) fn service<T>(self, path: &str, service: T) -> Self
    where
        T: Describe + Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let description = service.describe();
        self.described(path, service, description)
    }

    /// Mounts a service at a path, and another one at every path below it.
    pub(super) fn at_and_below<T>(mut self, path: &str, at: T, below: T) -> Self
    where
        T: Describe + Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self = self.service(path, at);
        self.router = self
            .router
            .route_service(&format!("{path}/"), below.clone())
            .route_service(&format!("{path}/{{*rest}}"), below);
        self
    }

    /// Mounts a service with this description.
    pub(super) fn described<T>(mut self, path: &str, service: T, description: Description) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.describe(path, description);
        self.router = self.router.route_service(path, service);
        self
    }

    /// Adds other routes.
    pub(super) fn merge(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.operations.extend(others.operations);
        self.schemas.extend(others.schemas);
        self
    }

    /// Moves all routes below a path.
    pub(super) fn nested(mut self, path: &str) -> Self {
        for mounted in &mut self.operations {
            mounted.path.insert_str(0, path);
        }
        self.router = Router::new().nest(path, self.router);
        self
    }

    /// Puts all operations under this tag.
    pub(super) fn tagged(mut self, tag: &str) -> Self {
        for Mounted { operation, .. } in &mut self.operations {
            operation.tags = Some(vec![tag.to_owned()]);
        }
        self
    }

    /// Prefixes the names of all operations, which must be unique in the document.
    pub(super) fn named(mut self, name: &str) -> Self {
        for Mounted { operation, .. } in &mut self.operations {
            if let Some(id) = &mut operation.operation_id {
                id.insert_str(0, &format!("{name}_"));
            }
        }
        self
    }

    /// Wraps all routes in a layer. Their descriptions do not change.
    pub(super) fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<axum::routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.router = self.router.layer(layer);
        self
    }

    /// Sets the handler of all other paths.
    pub(super) fn fallback<F>(
        mut self,
        answer: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: IntoResponse> + Send + 'static,
    {
        self.router = self.router.fallback(answer);
        self
    }

    pub(super) fn with_state<T>(self, state: S) -> Routes<T> {
        Routes {
            router: self.router.with_state(state),
            operations: self.operations,
            schemas: self.schemas,
        }
    }

    fn describe(&mut self, at: &str, description: Description) {
        for described in description.operations {
            self.operations.push(Mounted {
                path: format!("{at}{}", described.path),
                method: described.method,
                operation: described.operation,
            });
        }
        self.schemas.extend(description.schemas.0);
    }
}
