//! The server stacks, each with the same protected service.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::any;
use countersign::auth::AuthLayer;
use countersign::require::{deny, primary, scope};
use countersign::{PrimaryPrincipal, Principal, require};
use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::client;
use crate::fixture::Fixture;

/// A server and the HTTP version of its clients.
#[derive(Clone, Copy)]
pub struct Stack {
    pub name: &'static str,
    pub version: Version,
    serve: fn(&Fixture) -> Protected,
}

pub const ALL: [Stack; 6] = [
    Stack {
        name: "axum, HTTP/1.1",
        version: Version::HTTP_11,
        serve: on_axum,
    },
    Stack {
        name: "axum, HTTP/2",
        version: Version::HTTP_2,
        serve: on_axum,
    },
    Stack {
        name: "bare hyper, HTTP/1.1",
        version: Version::HTTP_11,
        serve: on_hyper,
    },
    Stack {
        name: "bare hyper, HTTP/2",
        version: Version::HTTP_2,
        serve: on_hyper,
    },
    Stack {
        name: "through the gateway, HTTP/1.1",
        version: Version::HTTP_11,
        serve: on_gateway,
    },
    Stack {
        name: "through the gateway, HTTP/2",
        version: Version::HTTP_2,
        serve: on_gateway,
    },
];

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;
type Protected = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

/// A running server, which stops when it is dropped.
pub struct Running {
    pub address: SocketAddr,
    pub stack: Stack,
    _server: JoinSet<()>,
}

impl Stack {
    pub async fn start(self, fixture: &Fixture) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = (self.serve)(fixture);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(service.clone());
                connections.spawn(async move {
                    let mut builder = Builder::new(TokioExecutor::new());
                    builder.http1().timer(TokioTimer::new());
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Running {
            address,
            stack: self,
            _server: server,
        }
    }
}

impl Running {
    pub async fn send(&self, request: Request<Full<Bytes>>) -> client::Received {
        client::send(self.address, self.stack.version, request).await
    }
}

/// The body of an accepted response: scheme and subject.
fn describe(principal: &Principal) -> String {
    format!("{} {}", principal.scheme().as_str(), principal.subject())
}

fn on_axum(fixture: &Fixture) -> Protected {
    let whoami = || any(|principal: Principal| async move { describe(&principal) });
    let extracted_primary =
        any(|primary: PrimaryPrincipal| async move { describe(primary.principal()) });
    let scoped = whoami().layer(require(scope("calls:write")).unwrap());
    let primary = whoami().layer(require(primary()).unwrap());
    let denied = whoami().layer(require(deny()).unwrap());
    let router = Router::new()
        .route("/", whoami())
        .route("/scoped", scoped)
        .route("/primary", primary)
        .route("/extracted-primary", extracted_primary)
        .route("/denied", denied)
        .layer(auth(fixture))
        .route("/unprotected", whoami());
    let service =
        router.map_request(|request: Request<Incoming>| request.map(axum::body::Body::new));
    boxed(
        service.map_response(|response: Response<axum::body::Body>| {
            response.map(|body| {
                body.map_err(|error| -> Infallible { panic!("{error}") })
                    .boxed_unsync()
            })
        }),
    )
}

fn on_hyper(fixture: &Fixture) -> Protected {
    let whoami = service_fn(|request: Request<Incoming>| async move {
        let text = request.extensions().get::<Principal>().map(describe);
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(text.unwrap_or_default())))
    });
    protect(fixture, &boxed(whoami))
}

/// The proxy of the gateway example, with an upstream that responds with the identity header.
fn on_gateway(fixture: &Fixture) -> Protected {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let echo = hyper::service::service_fn(|request: Request<Incoming>| async move {
                let subject = request.headers().get("x-user-id");
                let subject = subject.map(|value| value.as_bytes().to_vec());
                let body = Full::<Bytes>::from(subject.unwrap_or_default());
                Ok::<_, Infallible>(Response::new(body))
            });
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), echo));
        }
    });
    let proxy = hyper_gateway::Proxy::to(address);
    let proxy = proxy.map_response(|response: Response<hyper_gateway::Body>| {
        response.map(|body| body.map_err(|error| -> Infallible { panic!("{error}") }))
    });
    protect(fixture, &boxed(proxy))
}

/// Protects a service with the layer, and some paths with a requirement.
fn protect(fixture: &Fixture, inner: &Protected) -> Protected {
    let scoped = require(scope("calls:write")).unwrap().layer(inner.clone());
    let only_primary = require(primary()).unwrap().layer(inner.clone());
    let denied = require(deny()).unwrap().layer(inner.clone());
    let unprotected = require(primary()).unwrap().layer(inner.clone());
    let auth = auth(fixture);
    let protected = auth.layer(inner.clone());
    let scoped = auth.layer(scoped);
    let only_primary = auth.layer(only_primary);
    let denied = auth.layer(denied);
    let router = service_fn(move |request: Request<Incoming>| {
        let service = match request.uri().path() {
            "/scoped" => boxed(scoped.clone()),
            "/primary" | "/extracted-primary" => boxed(only_primary.clone()),
            "/denied" => boxed(denied.clone()),
            "/unprotected" => boxed(unprotected.clone()),
            _ => boxed(protected.clone()),
        };
        service.oneshot(request)
    });
    BoxCloneSyncService::new(router)
}

fn auth(fixture: &Fixture) -> AuthLayer {
    fixture.layer()
}

fn boxed<S, B>(service: S) -> Protected
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    BoxCloneSyncService::new(
        service.map_response(|response| response.map(|body| body.boxed_unsync())),
    )
}
