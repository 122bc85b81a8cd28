use axum::handler::Handler;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::routing::{self, MethodRouter};
use countersign_wire::openapi::Description;
use tower::{Layer, Service};
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;

use super::parts::{Draft, Parts};

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
        self.answer::<T>(StatusCode::OK, &[], text)
    }

    /// The same, answering with an object that it has made.
    pub(in crate::http) fn creates<T: ToSchema>(self, text: &str) -> Self {
        self.answer::<T>(StatusCode::CREATED, &[LOCATION], text)
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
        L::Service: Service<axum::extract::Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<axum::extract::Request>>::Response:
            axum::response::IntoResponse + 'static,
        <L::Service as Service<axum::extract::Request>>::Error:
            Into<std::convert::Infallible> + 'static,
        <L::Service as Service<axum::extract::Request>>::Future: Send + 'static,
    {
        self.route = self.route.route_layer(layer);
        self
    }

    pub(super) fn finish(self, path: &str) -> (MethodRouter<S>, Description) {
        let (operation, schemas) = self.draft.finish(path);
        let description = Description::default().with("", self.method, operation);
        (self.route, description.schemas(schemas))
    }

    fn answer<T: ToSchema>(self, status: StatusCode, headers: &[HeaderName], text: &str) -> Self {
        let mut response = Response::new(());
        *response.status_mut() = status;
        let mut named = headers.to_vec();
        named.push(CACHE_CONTROL);
        for name in named {
            response.headers_mut().insert(name, HeaderValue::from_static(""));
        }
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        self.drafted(|draft| draft.answer::<T>(&response, text))
    }

    fn drafted(mut self, change: impl FnOnce(&mut Draft)) -> Self {
        change(&mut self.draft);
        self
    }
}
