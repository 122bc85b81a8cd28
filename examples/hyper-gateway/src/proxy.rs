//! Passing a request on (RFC 9110 §7.6).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::Principal;
use countersign::credentials::ClientAddress;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Frame, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::Service;

use crate::empty;
use crate::identity::Headers;

/// What goes back to clients.
pub type Body = BoxBody<Bytes, hyper::Error>;

/// What concerns one connection alone (RFC 9110 §7.6.1), with or without being named in `Connection`.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Passes requests on to one upstream.
#[derive(Clone, Debug)]
pub struct Proxy {
    client: Client<HttpConnector, Body>,
    upstream: SocketAddr,
}

impl Proxy {
    /// To this address, over HTTP/1.1.
    #[must_use]
    pub fn to(upstream: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, upstream }
    }

    /// Returns the request for the upstream. `malformed` is set if its body turns out to be malformed.
    fn outbound(
        &self,
        request: Request<Incoming>,
        malformed: Arc<AtomicBool>,
    ) -> Option<Request<Body>> {
        let (mut head, body) = request.into_parts();
        strip_hop_by_hop(&mut head.headers);
        // In this order: `Connection` may name our headers, and that concerns what the client sent, not what we say.
        let mut headers = Headers(&mut head.headers);
        headers.strip();
        if let Some(principal) = head.extensions.get::<Principal>() {
            headers.insert(principal);
        }
        if let Some(address) = head.extensions.get::<ClientAddress>() {
            headers.insert_address(*address);
        }
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(Authority::try_from(self.upstream.to_string()).ok()?);
        // The path is forwarded unchanged: a path normalized after authentication would be another one.
        uri.path_and_query = head.uri.path_and_query().cloned();
        if let Some(authority) = head.uri.authority() {
            // HTTP/2 has it in `:authority`. In the absolute form of HTTP/1.1, it replaces `Host` (RFC 9112 §3.2.2).
            let host = HeaderValue::from_str(authority.as_str()).ok()?;
            head.headers.insert(HOST, host);
        }
        // Trailers arrive after authentication, so they are not forwarded.
        let body = body.map_frame(|frame| Frame::data(frame.into_data().unwrap_or_default()));
        let body = body.map_err(move |error| {
            malformed.store(true, Ordering::Relaxed);
            error
        });
        let mut outbound = Request::new(body.boxed());
        *outbound.method_mut() = head.method;
        *outbound.uri_mut() = Uri::from_parts(uri).ok()?;
        *outbound.version_mut() = Version::HTTP_11;
        *outbound.headers_mut() = head.headers;
        Some(outbound)
    }
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named.into_iter().chain(HOP_BY_HOP) {
        headers.remove(name);
    }
}

impl Service<Request<Incoming>> for Proxy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let malformed = Arc::new(AtomicBool::new(false));
        let asked = self
            .outbound(request, Arc::clone(&malformed))
            .map(|request| self.client.request(request));
        Box::pin(async move {
            let Some(asked) = asked else {
                return Ok(empty(StatusCode::BAD_GATEWAY));
            };
            Ok(match asked.await {
                Ok(mut response) => {
                    strip_hop_by_hop(response.headers_mut());
                    response.map(http_body_util::BodyExt::boxed)
                }
                // The request could not be passed on, because the client did not send it as it must (RFC 9112 §7.1).
                Err(_) if malformed.load(Ordering::Relaxed) => empty(StatusCode::BAD_REQUEST),
                Err(_) => empty(StatusCode::BAD_GATEWAY),
            })
        })
    }
}
