//! The requests that reach the upstream through the gateway, over real connections.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::AuthLayer;
use countersign::directory::MemoryDirectory;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, CreatedKey, MemoryRegistry, NewKey, Registry as _};
use countersign::time::SystemClock;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

struct Fixture {
    gateway: SocketAddr,
    key: CreatedKey,
    asked: Arc<AtomicUsize>,
}

/// An upstream that answers with what it was sent: the request line, and each header in a line.
async fn upstream(asked: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let asked = Arc::clone(&asked);
            let echo = hyper::service::service_fn(move |request: Request<Incoming>| {
                asked.fetch_add(1, Ordering::SeqCst);
                async move {
                    let mut text = format!("{} {}\n", request.method(), request.uri());
                    for (name, value) in request.headers() {
                        text += &format!("{name}: {}\n", value.to_str().unwrap());
                    }
                    let body = request.into_body().collect().await?;
                    if let Some(trailers) = body.trailers() {
                        text += &format!("trailers: {trailers:?}\n");
                    }
                    Ok::<_, hyper::Error>(http::Response::new(Full::<Bytes>::from(text)))
                }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), echo));
        }
    });
    address
}

async fn fixture() -> Fixture {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let table = Arc::clone(&directory);
    let registry = MemoryRegistry::new(table, peppers.clone(), SystemClock, SystemRandom).unwrap();
    let new = NewKey::new("test", "calls:read".parse().unwrap());
    let key = registry
        .create_key(&Caller::operator("test"), new)
        .await
        .unwrap();
    let layer = AuthLayer::builder()
        .primary(ApiKeys::new(directory.clone(), peppers.clone()))
        .primary(Basic::new(directory, peppers))
        .build()
        .unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let upstream = upstream(Arc::clone(&asked)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = listener.local_addr().unwrap();
    tokio::spawn(hyper_gateway::serve(listener, layer, upstream));
    Fixture {
        gateway,
        key,
        asked,
    }
}

impl Fixture {
    /// Sends these lines as they are, and gives the status and the body.
    async fn tell(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.gateway).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.to_owned(),
        )
    }

    /// A GET of a path with the key, and these headers.
    async fn get(&self, path: &str, headers: &str) -> (u16, String) {
        let key = self.key.issued.key.expose();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\n{headers}connection: close\r\n\r\n"
        );
        self.tell(&request).await
    }
}

/// Spellings under which a server somewhere would read one of the three headers, or what they stand for.
const SPELLINGS: [&str; 24] = [
    "X-User-Id",
    "x-user-id",
    "X-USER-ID",
    "X_User_Id",
    "x.user.id",
    "X-User_Id",
    "X-User.Id",
    "x_user-id",
    "XUserId",
    "X--User--Id",
    "X-User-Id-",
    "-X-User-Id",
    "x~user~id",
    "x|user|id",
    "X-Account-Id",
    "X_ACCOUNT_ID",
    "X-User-Scopes",
    "x.user.scopes",
    "Remote-User",
    "REMOTE_USER",
    "X-Remote-User",
    "X-Forwarded-User",
    "X-Auth-Request-User",
    "X-Forwarded-Email",
];

#[tokio::test]
async fn forged_identity_header_never_reaches_the_upstream_in_any_spelling() {
    // CVE-2025-64484, CVE-2026-30851, CVE-2026-52845, CVE-2026-20896
    let fixture = fixture().await;
    let id = fixture.key.record.id.to_string();
    for spelling in SPELLINGS {
        let (status, seen) = fixture.get("/", &format!("{spelling}: forged\r\n")).await;
        assert_eq!(status, 200, "{spelling}");
        assert!(!seen.contains("forged"), "{spelling}: {seen}");
        assert!(
            seen.contains(&format!("x-user-id: {id}\n")),
            "{spelling}: {seen}"
        );
        assert_eq!(seen.matches("x-user-id").count(), 1, "{spelling}: {seen}");
    }
}

#[tokio::test]
async fn forged_identity_header_is_removed_on_the_public_path_too() {
    let fixture = fixture().await;
    let request =
        "GET /health HTTP/1.1\r\nhost: x\r\nX_User_Id: forged\r\nconnection: close\r\n\r\n";
    let (status, seen) = fixture.tell(request).await;
    assert_eq!(status, 200);
    assert!(!seen.contains("forged") && !seen.contains("user"), "{seen}");
}

#[tokio::test]
async fn credentials_do_not_reach_the_upstream() {
    // CVE-2026-4525
    let fixture = fixture().await;
    let others = "proxy-authorization: Basic Zm9vOmJhcg==\r\nX-Forwarded-Authorization: Bearer foobar\r\nX_Api_Key: foobar\r\n";
    let (status, seen) = fixture.get("/", others).await;
    assert_eq!(status, 200);
    let secret = fixture.key.issued.secret.expose();
    for canary in [secret, "api", "authorization", "foobar", "Zm9v"] {
        assert!(
            !seen
                .to_ascii_lowercase()
                .contains(&canary.to_ascii_lowercase()),
            "{canary}: {seen}"
        );
    }
}

#[tokio::test]
async fn connection_header_removes_neither_the_authentication_nor_the_identity_headers() {
    // CVE-2024-45410, CVE-2022-1388
    let fixture = fixture().await;
    let id = fixture.key.record.id.to_string();
    let (status, seen) = fixture
        .get("/", "connection: X-User-Id, x-account-id\r\n")
        .await;
    assert_eq!(status, 200);
    assert!(
        seen.contains(&format!("x-user-id: {id}\n")) && seen.contains("x-account-id: "),
        "{seen}"
    );

    let request =
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: close, authorization, x-api-key\r\n\r\n";
    assert_eq!(fixture.tell(request).await.0, 401);
}

#[tokio::test]
async fn public_path_serves_nothing_else_by_way_of_a_header_or_a_method() {
    let fixture = fixture().await;
    for header in [
        "X-Original-URL: /admin",
        "X-Rewrite-Url: /admin",
        "X-HTTP-Method-Override: DELETE",
    ] {
        let request =
            format!("GET /health HTTP/1.1\r\nhost: x\r\n{header}\r\nconnection: close\r\n\r\n");
        let (status, seen) = fixture.tell(&request).await;
        assert_eq!(status, 200);
        assert!(
            !seen.contains("admin") && !seen.contains("DELETE"),
            "{seen}"
        );
    }
    let request = "DELETE /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(fixture.tell(request).await.0, 401);
}

#[tokio::test]
async fn only_the_public_path_itself_is_public() {
    // CVE-2026-26205, CVE-2026-33494, CVE-2026-41059, CVE-2026-34457
    let fixture = fixture().await;
    for path in [
        "//health",
        "/health/",
        "/health/../admin",
        "/health/..;/admin",
        "/./health",
        "/health%2f..%2fadmin",
        "/%68ealth",
        "/HEALTH",
        "/health;x",
        "/admin?x=/health",
        "/admin/health",
        "/health\\..\\admin",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let (status, _) = fixture.tell(&request).await;
        assert!([400, 401].contains(&status), "{path}: {status}");
    }
    for header in [
        "user-agent: kube-probe/1.30",
        "x-forwarded-uri: /health",
        "x-original-url: /health",
        "x-forwarded-for: 127.0.0.1",
        "x-http-method-override: OPTIONS",
    ] {
        let request =
            format!("GET /admin HTTP/1.1\r\nhost: x\r\n{header}\r\nconnection: close\r\n\r\n");
        assert_eq!(fixture.tell(&request).await.0, 401, "{header}");
    }
    assert_eq!(
        fixture.asked.load(Ordering::SeqCst),
        0,
        "the upstream was asked"
    );
}

#[tokio::test]
async fn options_is_authenticated_like_every_other_method() {
    // Envoy's bypass_cors_preflight
    let fixture = fixture().await;
    for headers in [
        "",
        "origin: https://evil.example\r\naccess-control-request-method: GET\r\n",
    ] {
        let request =
            format!("OPTIONS / HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n");
        assert_eq!(fixture.tell(&request).await.0, 401);
    }
}

#[tokio::test]
async fn identity_in_trailers_is_not_passed_on() {
    let fixture = fixture().await;
    let key = fixture.key.issued.key.expose();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ntransfer-encoding: chunked\r\ntrailer: x-user-id\r\nconnection: close\r\n\r\n\
         2\r\nhi\r\n0\r\nx-user-id: forged\r\n\r\n"
    );
    let (status, seen) = fixture.tell(&request).await;
    assert_eq!(status, 200);
    assert!(
        !seen.contains("forged") && !seen.contains("trailer"),
        "{seen}"
    );
}

#[tokio::test]
async fn http_2_requests_are_authenticated_and_forwarded_like_http_1_requests() {
    let fixture = fixture().await;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let ask = async |key: Option<&str>| {
        let mut request =
            Request::get(format!("http://{}/a?b=c", fixture.gateway)).header("x_user_id", "forged");
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let request = request.body(Full::default()).unwrap();
        let (head, body) = client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            head.status.as_u16(),
            String::from_utf8(body.to_vec()).unwrap(),
        )
    };
    assert_eq!(ask(None).await.0, 401);
    let (status, seen) = ask(Some(fixture.key.issued.key.expose())).await;
    assert_eq!(status, 200);
    assert!(
        seen.starts_with("GET /a?b=c\n") && !seen.contains("forged"),
        "{seen}"
    );
}

#[tokio::test]
async fn address_of_the_client_is_written_by_the_gateway_alone() {
    let fixture = fixture().await;
    for forged in [
        "X-Forwarded-For: 192.0.2.66",
        "x_forwarded_for: 192.0.2.66",
        "X-Real-IP: 192.0.2.66",
        "x.real.ip: 192.0.2.66",
        "Forwarded: for=192.0.2.66;host=192.0.2.66",
        "X-Client-IP: 192.0.2.66",
        "True-Client-IP: 192.0.2.66",
        "CF-Connecting-IP: 192.0.2.66",
        "X-Forwarded-Host: 192.0.2.66",
        "connection: x-forwarded-for, forwarded, x-real-ip",
    ] {
        let (status, seen) = fixture.get("/", &format!("{forged}\r\n{forged}\r\n")).await;
        assert_eq!(status, 200, "{forged}");
        assert!(!seen.contains("192.0.2.66"), "{forged}: {seen}");
        let mut lines: Vec<_> = seen
            .lines()
            .filter(|line| line.contains("127.0.0.1"))
            .collect();
        lines.sort_unstable();
        let expected = [
            "forwarded: for=127.0.0.1",
            "x-forwarded-for: 127.0.0.1",
            "x-real-ip: 127.0.0.1",
        ];
        assert_eq!(lines, expected, "{forged}");
    }
}

#[tokio::test]
async fn request_that_does_not_name_one_host_is_400() {
    let fixture = fixture().await;
    let key = fixture.key.issued.key.expose();
    for (version, hosts, expected) in [
        ("1.1", "", 400),
        ("1.1", "host: a\r\nhost: b\r\n", 400),
        ("1.1", "host: a\r\nhost: a\r\n", 400),
        ("1.0", "host: a\r\nhost: b\r\n", 400),
        ("1.1", "host: a\r\n", 200),
        ("1.0", "", 200),
    ] {
        for path in ["/", "/health"] {
            let request = format!(
                "GET {path} HTTP/{version}\r\n{hosts}x-api-key: {key}\r\nconnection: close\r\n\r\n"
            );
            let (status, _) = fixture.tell(&request).await;
            assert_eq!(status, expected, "{path} HTTP/{version} {hosts:?}");
        }
    }
    let request = format!(
        "GET http://a/ HTTP/1.1\r\nhost: b\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n"
    );
    let (status, seen) = fixture.tell(&request).await;
    assert_eq!(status, 200);
    assert!(
        seen.contains("host: a\n") && !seen.contains("host: b"),
        "{seen}"
    );
}

#[tokio::test]
async fn malformed_chunked_body_is_400() {
    let fixture = fixture().await;
    let key = fixture.key.issued.key.expose();
    for body in [
        "x\r\nhi\r\n0\r\n\r\n",
        "2\r\nhi!\r\n0\r\n\r\n",
        "-2\r\nhi\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhi\r\n0\r\n\r\n",
        "2\nhi\r\n0\r\n\r\n",
        "2\r\nhi\r\nx\r\n\r\n",
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ntransfer-encoding: chunked\r\n\r\n{body}"
        );
        let (status, _) = fixture.tell(&request).await;
        assert_eq!(status, 400, "{body:?}");
    }
}
