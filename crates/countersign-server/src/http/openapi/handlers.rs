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

use super::parts::{Draft, Parts};

const JSON: &str = "application/json";

/// A handler of one method, and what it says of itself. What it reads of a request is told by its arguments' types.
pub(in crate::http) struct Handled<S> {
    method: HttpMethod,
    route: MethodRouter<S>,
    draft: Draft,
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {$(
        /// What answers to this method: the operation's name, what it does, and the handler.
        pub(in crate::http) fn $name<H, T, S>(
            id: impl Into<String>,
            summary: &'static str,
            handler: H,
        ) -> Handled<S>
        where
            H: Handler<T, S>,
            T: Parts + 'static,
            S: Clone + Send + Sync + 'static,
        {
            let mut draft = Draft::new(id.into(), summary);
            T::describe(&mut draft);
            Handled {
                method: HttpMethod::$method,
                route: routing::$name(handler),
                draft,
            }
        }
    )*};
}

methods! { get Get post Post put Put delete Delete }

impl<S: Clone + Send + Sync + 'static> Handled<S> {
    /// The same, answering with this object.
    pub(in crate::http) fn answers<T: ToSchema>(self, text: &str) -> Self {
        self.drafted(|draft| draft.answer::<T>(StatusCode::OK, JSON, None, text))
    }

    /// The same, answering with an object that it has made.
    pub(in crate::http) fn creates<T: ToSchema>(self, text: &str) -> Self {
        let created = StatusCode::CREATED;
        self.drafted(|draft| draft.answer::<T>(created, JSON, Some(LOCATION), text))
    }

    /// The same, answering with nothing.
    pub(in crate::http) fn answers_nothing(self, status: StatusCode, text: &str) -> Self {
        self.drafted(|draft| draft.empty(status, text))
    }

    /// The same, refusing with this status, too.
    pub(in crate::http) fn may(self, status: StatusCode, text: &str) -> Self {
        self.drafted(|draft| draft.problem(status, text))
    }

    /// The same behind a layer.
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

    fn drafted(mut self, change: impl FnOnce(&mut Draft)) -> Self {
        change(&mut self.draft);
        self
    }
}
