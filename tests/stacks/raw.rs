//! security.md 1d, rows 55 to 60: bytes that no client library would send, on a real socket.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::Fixture;
use crate::stack::{self, Running};

/// Sends bytes, closes the sending side, and reads all that comes back.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<u16> {
    let lines = answer.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line[..3].parse().unwrap()).collect()
}

/// Axum and bare hyper, both with HTTP/1.1.
async fn http1() -> (Fixture, [Running; 2]) {
    let fixture = Fixture::new().await;
    let running = [
        stack::ALL[0].start(&fixture).await,
        stack::ALL[2].start(&fixture).await,
    ];
    (fixture, running)
}

// Row 55; RFC 9112 §5.1, §5.2.
#[tokio::test]
async fn malformed_header_lines_are_answered_with_400() {
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
            let answer = exchange(server.address, request.as_bytes()).await;
            assert_eq!(statuses(&answer), [400], "{line:?}");
        }
    }
}

// Row 56: what hyper refuses before any of our code has hyper's answer.
#[tokio::test]
async fn oversized_heads_are_refused() {
    let (_fixture, running) = http1().await;
    for server in &running {
        let many: String = (0..200).map(|i| format!("x-{i}: y\r\n")).collect();
        let answer = exchange(
            server.address,
            format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes(),
        )
        .await;
        assert_eq!(statuses(&answer), [431]);
        let long = "x".repeat(1 << 20);
        let header = format!("GET / HTTP/1.1\r\nauthorization: Bearer {long}\r\n\r\n");
        let answer = exchange(server.address, header.as_bytes()).await;
        assert!(matches!(statuses(&answer)[..], [431] | []), "{answer:.100}");
        let answer = exchange(
            server.address,
            format!("GET /{long} HTTP/1.1\r\n\r\n").as_bytes(),
        )
        .await;
        assert!(
            matches!(statuses(&answer)[..], [414 | 431] | []),
            "{answer:.100}"
        );
    }
}

// Row 57; RFC 9110 §6.5.1: trailers are never merged into headers.
#[tokio::test]
async fn credentials_in_trailers_count_as_nothing() {
    let (fixture, running) = http1().await;
    for server in &running {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: authorization\r\n\
             \r\n1\r\nx\r\n0\r\nauthorization: Bearer {}\r\n\r\n",
            fixture.token
        );
        let answer = exchange(server.address, request.as_bytes()).await;
        assert_eq!(statuses(&answer), [401]);
    }
}

// Row 58: each request of a connection is judged alone.
#[tokio::test]
async fn pipelined_request_without_credentials_is_refused_after_a_good_one() {
    let (fixture, running) = http1().await;
    for server in &running {
        let request = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n\
             GET / HTTP/1.1\r\nhost: x\r\n\r\n",
            fixture.token
        );
        let answer = exchange(server.address, request.as_bytes()).await;
        assert_eq!(statuses(&answer), [200, 401]);
    }
}

// Row 59: no 100 and no 101 before the request is judged.
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
            let answer = exchange(server.address, head.as_bytes()).await;
            assert_eq!(statuses(&answer), [401], "{head}");
        }
    }
}

// Row 60: one reading or none, never a second request out of the body of the first.
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
            let answer = exchange(server.address, request.as_bytes()).await;
            assert!(!statuses(&answer).contains(&200), "{head}: {answer}");
        }
        let overflow = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
             fffffffffffffffff\r\nx\r\n0\r\n\r\n{smuggled}"
        );
        let answer = exchange(server.address, overflow.as_bytes()).await;
        assert!(!statuses(&answer).contains(&200));
        let extension = "y".repeat(20 * 1024);
        let extended = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
             1;{extension}\r\nx\r\n0\r\n\r\n{smuggled}"
        );
        let answer = exchange(server.address, extended.as_bytes()).await;
        assert_eq!(statuses(&answer).first(), Some(&401), "{answer}");
    }
}
