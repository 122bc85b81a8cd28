//! A gateway over bare hyper: it authenticates every request, removes the credentials, and names the caller to the upstream in
//! headers of its own.
//!
//! What the upstream may rely on: whatever the client sent under the name of an identity header, or under a name
//! that some server would take for one, is gone; a header that the caller has no value for is absent. `Forwarded`,
//! `X-Forwarded-For` and `X-Real-IP` name the client as the gateway sees it, and nothing else.

mod identity;
mod proxy;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign::AuthLayer;
use countersign::client_address::ClientAddressLayer;
use http::header::HOST;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::{Layer as _, ServiceBuilder};

pub use identity::Headers;
pub use proxy::{Body, Proxy};

/// The one public path, for reads. It is compared exactly with the path that the upstream gets:
/// `/health/../admin`, `//health` and `/health%2f` are others.
pub const PUBLIC: &str = "/health";

/// How long a client may take to say something, and to answer a ping.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_CONNECTIONS: usize = 1024;

/// Serves for as long as the process lives.
pub async fn serve(listener: TcpListener, layer: AuthLayer, upstream: SocketAddr) {
    let proxy = Proxy::to(upstream);
    let protected = layer.layer(proxy.clone());
    let gateway = ServiceBuilder::new().service_fn(move |request: Request<Incoming>| {
        let (protected, public) = (protected.clone(), proxy.clone());
        async move {
            if !has_one_host(&request) {
                return Ok(empty(StatusCode::BAD_REQUEST));
            }
            // `MapRequest` and routers would do as well: there are two ways, and one comparison.
            let reads = matches!(*request.method(), Method::GET | Method::HEAD);
            if reads && request.uri().path() == PUBLIC {
                tower::ServiceExt::oneshot(public, request).await
            } else {
                tower::ServiceExt::oneshot(protected, request).await
            }
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Without a timer hyper waits for a request's head for ever.
    builder.http1().timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PATIENCE);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, peer)) = listener.accept().await else {
            // Too many files are open, or the client is gone already: the next one may come.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let service = ClientAddressLayer::of_peer(peer.ip()).layer(gateway.clone());
        let builder = builder.clone();
        tokio::spawn(async move {
            // Which version is spoken is read without a limit of hyper's own.
            if !matches!(
                tokio::time::timeout(PATIENCE, stream.readable()).await,
                Ok(Ok(()))
            ) {
                return;
            }
            let connection =
                builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
            // A client that goes away is no news.
            let _ = connection.await;
            drop(place);
        });
    }
}

/// Says whether the request names one host: none, or two, could be read in two ways by the gateway and the upstream (RFC 9112
/// §3.2, RFC 9113 §8.3.1).
fn has_one_host<B>(request: &Request<B>) -> bool {
    let hosts: Vec<_> = request.headers().get_all(HOST).iter().collect();
    let authority = request.uri().authority();
    match (request.version(), hosts.as_slice()) {
        (Version::HTTP_2, []) => authority.is_some(),
        (Version::HTTP_2, [host]) => authority.is_none_or(|authority| *host == authority.as_str()),
        (Version::HTTP_11, []) => false,
        (_, hosts) => hosts.len() <= 1,
    }
}

/// An answer of the gateway itself.
fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}
