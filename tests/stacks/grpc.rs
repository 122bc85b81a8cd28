//! The gRPC status of every outcome, with tonic's server over HTTP/2.

use std::convert::Infallible;

use countersign::Principal;
use countersign::rejection::Grpc;
use countersign::require::{any, primary, require_methods, scope};
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;

use crate::client;
use crate::fixture::{Fixture, basic, bearer, text};

const OPEN: &str = "/test.Service/Open";
const SCOPED: &str = "/test.Service/Scoped";
const PRIMARY: &str = "/test.Service/Primary";
const UNLISTED: &str = "/test.Service/Unlisted";

/// A named service, like one that tonic generates.
#[derive(Clone)]
struct TestService;

impl NamedService for TestService {
    const NAME: &'static str = "test.Service";
}

impl tower::Service<Request<Body>> for TestService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let known = request.extensions().get::<Principal>().is_some();
        let mut response = Response::new(Body::default());
        let status = if known { "0" } else { "13" };
        let headers = response.headers_mut();
        headers.insert("content-type", "application/grpc".parse().unwrap());
        headers.insert("grpc-status", status.parse().unwrap());
        std::future::ready(Ok(response))
    }
}

struct Running {
    address: std::net::SocketAddr,
    _server: JoinSet<()>,
}

async fn start(fixture: &Fixture) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let methods = require_methods([
        (OPEN, any([primary(), scope("calls:read")])),
        (SCOPED, scope("calls:write")),
        (PRIMARY, primary()),
    ]);
    let service = tonic::transport::Server::builder()
        .layer(fixture.layer().reject_body(Grpc::default()))
        .layer(methods.unwrap())
        .add_service(TestService);
    let mut server = JoinSet::new();
    server.spawn(async move {
        let incoming = TcpIncoming::from(listener);
        let _ = service.serve_with_incoming(incoming).await;
    });
    Running {
        address,
        _server: server,
    }
}

impl Running {
    /// Returns the HTTP status, `grpc-status` and the whole response.
    async fn call(
        &self,
        path: &str,
        content_type: Option<&str>,
        headers: &[(&str, &[u8])],
    ) -> (u16, Option<String>, client::Received) {
        let mut request = Request::post(path);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = client::send(self.address, Version::HTTP_2, request).await;
        let status = response.headers.get("grpc-status");
        let status = status.map(|value| value.to_str().unwrap().to_owned());
        (response.status.as_u16(), status, response)
    }
}

#[tokio::test]
async fn every_outcome_has_its_grpc_status() {
    let fixture = Fixture::new().await;
    let running = start(&fixture).await;
    let token = bearer(&fixture.token);
    let key = text(&fixture.key.issued.key);
    let pair = basic(
        &fixture.key.record.id.to_string(),
        fixture.key.issued.secret.expose(),
    );
    let revoked = bearer(&fixture.token_of_revoked);
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a [u8])], &'a str);
    let rows: [Row<'_>; 14] = [
        ("token accepted", OPEN, &[("authorization", &token)], "0"),
        ("key accepted", OPEN, &[("x-api-key", key)], "0"),
        ("Basic accepted", PRIMARY, &[("authorization", &pair)], "0"),
        ("nothing presented", OPEN, &[], "16"),
        (
            "two credentials",
            OPEN,
            &[("authorization", &token), ("x-api-key", key)],
            "16",
        ),
        (
            "invalid token",
            OPEN,
            &[("authorization", b"Bearer a.b.c")],
            "16",
        ),
        ("no token", OPEN, &[("authorization", b"Bearer")], "16"),
        ("invalid key", OPEN, &[("x-api-key", b"cs_bad")], "16"),
        ("revoked", OPEN, &[("authorization", &revoked)], "16"),
        (
            "token without the scope",
            SCOPED,
            &[("authorization", &token)],
            "7",
        ),
        ("key without the scope", SCOPED, &[("x-api-key", key)], "7"),
        (
            "token for a primary",
            PRIMARY,
            &[("authorization", &token)],
            "7",
        ),
        ("method not listed", UNLISTED, &[("x-api-key", key)], "7"),
        (
            "nothing presented to a method not listed",
            UNLISTED,
            &[],
            "16",
        ),
    ];
    for (name, path, headers, wanted) in rows {
        let (status, grpc, response) = running.call(path, Some("application/grpc"), headers).await;
        assert_eq!((status, grpc.as_deref()), (200, Some(wanted)), "{name}");
        assert_eq!(
            response.headers["content-type"], "application/grpc",
            "{name}"
        );
        assert_eq!(
            (response.body.as_str(), response.challenges().len()),
            ("", 0),
            "{name}"
        );
    }
    fixture.directory.go_stale();
    let (status, grpc, response) = running
        .call(OPEN, Some("application/grpc+proto"), &[("x-api-key", key)])
        .await;
    assert_eq!(
        (status, grpc.as_deref()),
        (200, Some("14")),
        "stale directory"
    );
    assert_eq!(response.headers["retry-after"], "1");
}

#[tokio::test]
async fn rejection_is_an_http_status_when_the_request_is_not_grpc() {
    let fixture = Fixture::new().await;
    let running = start(&fixture).await;
    for content_type in [
        None,
        Some("application/json"),
        Some("application/grp"),
        Some("application/grpcx"),
        Some("application/grpc-web+proto"),
        Some("text/plain; application/grpc"),
    ] {
        let (status, grpc, _) = running.call(OPEN, content_type, &[]).await;
        assert_eq!((status, grpc), (401, None), "{content_type:?}");
    }
}

#[tokio::test]
async fn content_type_alone_never_turns_a_rejection_into_a_200() {
    let fixture = Fixture::new().await;
    for stack in crate::stack::ALL {
        let running = stack.start(&fixture).await;
        let request = Request::post("/")
            .header("content-type", "application/grpc")
            .body(Full::default());
        let response = running.send(request.unwrap()).await;
        assert_eq!(response.status.as_u16(), 401, "{}", stack.name);
        assert!(
            !response.headers.contains_key("grpc-status"),
            "{}",
            stack.name
        );
    }
}
