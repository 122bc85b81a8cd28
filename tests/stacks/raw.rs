//! Requests that no client library would send, written to a socket.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::Fixture;
use crate::stack::{self, Running};

/// Sends bytes, closes the sending side, and reads the whole response.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may respond and close the connection before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    String::from_utf8_lossy(&response).into_owned()
}

fn statuses(response: &str) -> Vec<u16> {
    let lines = response.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line[..3].parse().unwrap()).collect()
}

/// Starts axum and bare hyper with HTTP/1.1.
async fn http1() -> (Fixture, [Running; 2]) {
    let fixture = Fixture::new().await;
    let running = [
        stack::ALL[0].start(&fixture).await,
        stack::ALL[2].start(&fixture).await,
    ];
    (fixture, running)
}

// RFC 9112 §5.1, §5.2.
#[tokio::test]
async fn malformed_header_lines_get_400() {
    let (fixture, running) = http1().await;
    let token = &fixture.token;
    for server in &running {
        for line in [
            format!("Authorization: Bearer \0{token}"),
            format!("Authorization : Bearer {token}"),
            format!("Authorization: Bearer\r\n {token}"),
            format!("Authorization: Bearer {token}\rX: y"),
        ] {
            let request = format!("GET / HTTP/1.1\r\nhost: x\r\n{line}\r\n\r\n");
            let response = exchange(server.address, request.as_bytes()).await;
            assert_eq!(statuses(&response), [400], "{line:?}");
        }
    }
}

// hyper rejects these before it calls the layer.
#[tokio::test]
async fn oversized_heads_are_rejected() {
    let (_fixture, running) = http1().await;
    for server in &running {
        let many: String = (0..200).map(|i| format!("x-{i}: y\r\n")).collect();
        let response = exchange(
            server.address,
            format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes(),
        )
        .await;
        assert_eq!(statuses(&response), [431]);
        let long = "x".repeat(1 << 20);
        let header = format!("GET / HTTP/1.1\r\nauthorization: Bearer {long}\r\n\r\n");
        let response = exchange(server.address, header.as_bytes()).await;
        assert!(
            matches!(statuses(&response)[..], [431] | []),
            "{response:.100}"
        );
        let response = exchange(
            server.address,
            format!("GET /{long} HTTP/1.1\r\n\r\n").as_bytes(),
        )
        .await;
        assert!(
            matches!(statuses(&response)[..], [414 | 431] | []),
            "{response:.100}"
        );
    }
}

// RFC 9110 §6.5.1: trailers are not merged into the headers.
#[tokio::test]
async fn credentials_in_trailers_are_ignored() {
    let (fixture, running) = http1().await;
    for server in &running {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: authorization\r\n\
             \r\n1\r\nx\r\n0\r\nauthorization: Bearer {}\r\n\r\n",
            fixture.token
        );
        let response = exchange(server.address, request.as_bytes()).await;
        assert_eq!(statuses(&response), [401]);
    }
}

// Each request of a connection is authenticated separately.
#[tokio::test]
async fn pipelined_request_without_credentials_is_rejected_after_an_accepted_one() {
    let (fixture, running) = http1().await;
    for server in &running {
        let request = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n\
             GET / HTTP/1.1\r\nhost: x\r\n\r\n",
            fixture.token
        );
        let response = exchange(server.address, request.as_bytes()).await;
        assert_eq!(statuses(&response), [200, 401]);
    }
}

// RFC 9110 §10.1.1, §7.8: no 100 (Continue) or 101 (Switching Protocols) before authentication.
#[tokio::test]
async fn unauthenticated_request_gets_neither_100_nor_101() {
    let (_fixture, running) = http1().await;
    for server in &running {
        for head in [
            "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\
             http2-settings: AAMAAABkAAQAAP__\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        ] {
            let response = exchange(server.address, head.as_bytes()).await;
            assert_eq!(statuses(&response), [401], "{head}");
        }
    }
}

// RFC 9112 §11.2, request smuggling: the body of the first request is never parsed as a second request.
#[tokio::test]
async fn ambiguous_framing_never_smuggles_a_request() {
    let (fixture, running) = http1().await;
    let smuggled = format!(
        "GET /primary HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\n\r\n",
        fixture.key.issued.key.expose()
    );
    for server in &running {
        for head in [
            format!(
                "content-length: {}\r\ntransfer-encoding: chunked",
                5 + smuggled.len()
            ),
            "transfer-encoding: chunked\r\ntransfer-encoding: identity".to_owned(),
            "content-length: +3".to_owned(),
            format!(
                "content-length: 5\r\ncontent-length: {}",
                5 + smuggled.len()
            ),
        ] {
            let request =
                format!("POST / HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n0\r\n\r\n{smuggled}");
            let response = exchange(server.address, request.as_bytes()).await;
            assert!(!statuses(&response).contains(&200), "{head}: {response}");
        }
        let overflow = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
             fffffffffffffffff\r\nx\r\n0\r\n\r\n{smuggled}"
        );
        let response = exchange(server.address, overflow.as_bytes()).await;
        assert!(!statuses(&response).contains(&200));
        let extension = "y".repeat(20 * 1024);
        let extended = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
             1;{extension}\r\nx\r\n0\r\n\r\n{smuggled}"
        );
        let response = exchange(server.address, extended.as_bytes()).await;
        assert_eq!(statuses(&response).first(), Some(&401), "{response}");
    }
}
