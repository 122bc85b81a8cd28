//! Services that answer without the router.
//!
//! For each layer around a service, axum's router clones all that is inside of the layer, and boxes a future. That takes longer
//! than to authenticate a request. The requests that come most often are therefore looked for here first, by their method and
//! path; all others, such as those of another method, are the router's, where the same services are mounted.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::routing::future::RouteFuture;
use countersign::credentials::AllowedOrigins;
use futures_util::future::Either;
use tower::Service as _;

use super::erased::{ErasedFuture, ErasedService};
use super::observe::{FixedRoute, Observed, Observer, Route};
use super::openapi::Mountable;

/// The service of one method and path.
pub(super) struct Shortcut {
    method: Method,
    route: Arc<FixedRoute>,
    service: ErasedService,
    inserts_id: bool,
}

impl Shortcut {
    pub(super) fn get(path: &str, service: impl Mountable) -> Self {
        Self::new(Method::GET, path, service)
    }

    pub(super) fn post(path: &str, service: impl Mountable) -> Self {
        Self::new(Method::POST, path, service)
    }

    fn new(method: Method, path: &str, service: impl Mountable) -> Self {
        Self {
            method,
            route: Arc::new(FixedRoute::new(path)),
            service: ErasedService::new(service),
            inserts_id: false,
        }
    }

    /// Inserts the id of the request into its extensions, for a service that reads it.
    pub(super) fn with_request_id(mut self) -> Self {
        self.inserts_id = true;
        self
    }
}

/// The shortcuts by their paths.
struct Shortcuts {
    by_path: HashMap<Box<str>, Shortcut>,
    observer: Observer,
    origins: Option<AllowedOrigins>,
}

impl Shortcuts {
    /// Returns the shortcut of a request, if there is one.
    fn find(&self, request: &Request) -> Option<&Shortcut> {
        let shortcut = self.by_path.get(request.uri().path())?;
        (shortcut.method == request.method()).then_some(shortcut)
    }

    fn call(&self, shortcut: &Shortcut, mut request: Request) -> Observed<ErasedFuture> {
        if let Some(origins) = &self.origins {
            request.extensions_mut().insert(origins.clone());
        }
        let route = Route::Fixed(Arc::clone(&shortcut.route));
        let observer = &self.observer;
        observer.observe(request, Some(route), |mut request, id| {
            if shortcut.inserts_id {
                request.extensions_mut().insert(id.clone());
            }
            shortcut.service.respond(request)
        })
    }
}

/// What is served: the router, and the shortcuts before it.
pub(crate) struct ServedRoutes {
    router: Router,
    shortcuts: Option<Shortcuts>,
}

/// The response of [`ServedRoutes`].
pub(crate) type ServedFuture = Either<Observed<ErasedFuture>, RouteFuture<Infallible>>;

impl ServedRoutes {
    /// Puts shortcuts before a router. A path has at most one. `observer` and `origins` are those of the router's layers.
    pub(super) fn new(
        router: Router,
        shortcuts: impl IntoIterator<Item = Shortcut>,
        observer: Observer,
        origins: Option<AllowedOrigins>,
    ) -> Self {
        let by_path = shortcuts.into_iter();
        let by_path = by_path.map(|shortcut| (shortcut.route.path().into(), shortcut));
        Self {
            router,
            shortcuts: Some(Shortcuts {
                by_path: by_path.collect(),
                observer,
                origins,
            }),
        }
    }

    /// Processes a request.
    pub(super) fn call(&self, request: Request) -> ServedFuture {
        if let Some(shortcuts) = &self.shortcuts
            && let Some(shortcut) = shortcuts.find(&request)
        {
            return Either::Left(shortcuts.call(shortcut, request));
        }
        // A router is always ready.
        Either::Right(self.router.clone().call(request))
    }
}

impl From<Router> for ServedRoutes {
    fn from(router: Router) -> Self {
        Self {
            router,
            shortcuts: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::handler::HandlerWithoutStateExt as _;
    use axum::http::StatusCode;
    use axum::http::header::HOST;
    use axum::routing::any;
    use countersign::random::SystemRandom;
    use countersign::time::SystemClock;
    use countersign_wire::RequestId;

    use super::*;
    use countersign_cli::config::AccessLog;

    fn routes() -> ServedRoutes {
        let clock = Arc::new(SystemClock);
        let timeout = Duration::from_secs(30);
        let observer = Observer::new(AccessLog::Off, timeout, clock, SystemRandom);
        let router = Router::new().route("/{*path}", any(async || StatusCode::NO_CONTENT));
        let complete = async |request: Request| {
            let extensions = request.extensions();
            let origins = extensions.get::<AllowedOrigins>();
            match origins.is_some() && extensions.get::<RequestId>().is_some() {
                true => StatusCode::ACCEPTED,
                false => StatusCode::INTERNAL_SERVER_ERROR,
            }
        };
        let shortcut = Shortcut::get("/a", complete.into_service()).with_request_id();
        let origins = AllowedOrigins::new(vec!["https://a.example".to_owned()]);
        ServedRoutes::new(router, [shortcut], observer, Some(origins))
    }

    fn request(method: Method, uri: &str) -> Request {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header(HOST, "a.example");
        request.body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn request_takes_a_shortcut_if_its_method_and_path_are_those_of_it() {
        for (method, uri, status) in [
            (Method::GET, "/a", StatusCode::ACCEPTED),
            (Method::GET, "/a?b=c", StatusCode::ACCEPTED),
            (Method::HEAD, "/a", StatusCode::NO_CONTENT),
            (Method::POST, "/a", StatusCode::NO_CONTENT),
            (Method::GET, "/", StatusCode::NOT_FOUND),
            (Method::GET, "/a/", StatusCode::NO_CONTENT),
            (Method::GET, "/%61", StatusCode::NO_CONTENT),
            (Method::GET, "/b", StatusCode::NO_CONTENT),
        ] {
            let response = routes().call(request(method.clone(), uri)).await.unwrap();
            assert_eq!(response.status(), status, "{method} {uri}");
            let is_observed = response.headers().contains_key(RequestId::HEADER);
            assert_eq!(is_observed, status == StatusCode::ACCEPTED);
        }
    }

    #[tokio::test]
    async fn request_of_a_shortcut_without_a_valid_host_is_400() {
        let mut request = request(Method::GET, "/a");
        request.headers_mut().remove(HOST);
        let response = routes().call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
}
