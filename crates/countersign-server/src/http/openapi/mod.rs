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
use countersign_wire::ProtectedResource;
use countersign_wire::openapi::{Describe, Description};
use tower::Service;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{HttpMethod, RefOr};

use super::erased::ErasedService;
use super::shortcuts::Shortcut;

pub(super) use draft::OperationDraft;
pub(super) use handlers::{
    DescribeExtractor, DescribeResponse, DescribedHandler, delete, get, post, put,
};

/// Routes with their descriptions.
pub(super) struct Routes<S = ()> {
    router: Router<S>,
    operations: Vec<Mounted>,
    schemas: Vec<(String, RefOr<Schema>)>,
    shortcuts: Vec<Shortcut>,
}

/// One operation, with its whole path.
struct Mounted {
    path: String,
    method: HttpMethod,
    operation: Operation,
}

/// A service that can be mounted.
pub(super) trait Mountable:
    Service<Request, Error = Infallible, Response: IntoResponse, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> Mountable for T where
    T: Service<Request, Error = Infallible, Response: IntoResponse, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Mounts handlers.
    pub(super) fn of(handlers: impl IntoIterator<Item = DescribedHandler<S>>) -> Self {
        let mut routes = Self {
            router: Router::new(),
            operations: Vec::new(),
            schemas: Vec::new(),
            shortcuts: Vec::new(),
        };
        for DescribedHandler { route, draft } in handlers {
            let (path, description) = draft.finish();
            routes.router = routes.router.route(&path, route);
            routes.describe(&path, description);
        }
        routes
    }

    /// Mounts a service.
    pub(super) fn service(&mut self, path: &str, service: impl Describe + Mountable) {
        let description = service.describe();
        self.described(path, service, description);
    }

    /// Adds a shortcut to a service that is mounted too. No layer of the router applies to it.
    pub(super) fn shortcut(&mut self, shortcut: Shortcut) {
        self.shortcuts.push(shortcut);
    }

    /// Mounts a service at a path, and another one at every path below it.
    pub(super) fn at_and_below<T: Describe + Mountable>(&mut self, path: &str, at: T, below: T) {
        self.service(path, at);
        let below = ErasedService::new(below);
        let router = std::mem::take(&mut self.router);
        self.router = router
            .route_service(&format!("{path}/"), below.clone())
            .route_service(&format!("{path}/{{*rest}}"), below);
    }

    /// Mounts a service with this description.
    pub(super) fn described(
        &mut self,
        path: &str,
        service: impl Mountable,
        description: Description,
    ) {
        self.describe(path, description);
        let service = ErasedService::new(service);
        self.router = std::mem::take(&mut self.router).route_service(path, service);
    }

    /// Mounts the metadata of a protected resource. `id` is the operation's unique name.
    pub(super) fn protected_resource(&mut self, resource: &ProtectedResource, id: &str) {
        self.described(&resource.path(), resource.metadata(), resource.describe(id));
    }

    /// Adds other routes.
    pub(super) fn merge(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.operations.extend(others.operations);
        self.schemas.extend(others.schemas);
        self.shortcuts.extend(others.shortcuts);
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

    /// Changes the router, but not the descriptions: adds layers, a fallback or the state.
    pub(super) fn map_router<T>(self, change: impl FnOnce(Router<S>) -> Router<T>) -> Routes<T> {
        Routes {
            router: change(self.router),
            operations: self.operations,
            schemas: self.schemas,
            shortcuts: self.shortcuts,
        }
    }

    /// Returns the router, without the document.
    pub(super) fn into_router(self) -> Router<S> {
        self.router
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
