//! Handlers with their descriptions.

use std::convert::Infallible;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::{self, MethodRouter};
use countersign_wire::openapi::Description;
use tower::{Layer, Service};
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;

use super::draft::{DescribeExtractors, OperationDraft};

const JSON: &str = "application/json";

/// A handler of one method with its description. The types of its arguments describe what it reads of a request.
pub(in crate::http) struct DescribedHandler<S> {
    method: HttpMethod,
    route: MethodRouter<S>,
    draft: OperationDraft,
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {$(
        /// Describes a handler of this method. `id` is the operation's unique name.
        pub(in crate::http) fn $name<H, T, S>(
            id: impl Into<String>,
            summary: &'static str,
            handler: H,
        ) -> DescribedHandler<S>
        where
            H: Handler<T, S>,
            T: DescribeExtractors + 'static,
            S: Clone + Send + Sync + 'static,
        {
            let mut draft = OperationDraft::new(id.into(), summary);
            T::describe(&mut draft);
            DescribedHandler {
                method: HttpMethod::$method,
                route: routing::$name(handler),
                draft,
            }
        }
    )*};
}

methods! { get Get post Post put Put delete Delete }

impl<S: Clone + Send + Sync + 'static> DescribedHandler<S> {
    /// Adds a response with this object.
    pub(in crate::http) fn answers<T: ToSchema>(self, text: &str) -> Self {
        self.drafted(|draft| draft.answer::<T>(StatusCode::OK, JSON, None, text))
    }

    /// Adds a response with an object that was created.
    pub(in crate::http) fn creates<T: ToSchema>(self, text: &str) -> Self {
        let created = StatusCode::CREATED;
        self.drafted(|draft| draft.answer::<T>(created, JSON, Some(LOCATION), text))
    }

    /// Adds a response without a body.
    pub(in crate::http) fn answers_nothing(self, status: StatusCode, text: &str) -> Self {
        self.drafted(|draft| draft.empty(status, text))
    }

    /// Adds an error response.
    pub(in crate::http) fn may(self, status: StatusCode, text: &str) -> Self {
        self.drafted(|draft| draft.problem(status, text))
    }

    /// Wraps the handler in a layer.
    pub(in crate::http) fn behind<L>(mut self, layer: L) -> Self
    where
        L: Layer<routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.route = self.route.route_layer(layer);
        self
    }

    pub(super) fn finish(self, path: &str) -> (MethodRouter<S>, Description) {
        let (operation, schemas) = self.draft.finish(path);
        let description = Description::default().with("", self.method, operation);
        (self.route, description.schemas(schemas))
    }

    fn drafted(mut self, change: impl FnOnce(&mut OperationDraft)) -> Self {
        change(&mut self.draft);
        self
    }
}
