//! A client whose requests are sent byte by byte as they are, from an address that is not the gateway's.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::harness::Response;

/// The address of the client, which no server trusts as a proxy.
const CLIENT: &str = "127.0.0.2:0";
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request with these lines of headers on a new connection.
#[track_caller]
pub(crate) fn send(gateway: SocketAddr, line: &str, headers: &[&str]) -> Response {
    send_with_body(gateway, line, headers, "")
}

/// Sends a request with these lines of headers, and what follows them, on a new connection.
#[track_caller]
pub(crate) fn send_with_body(
    gateway: SocketAddr,
    line: &str,
    headers: &[&str],
    body: &str,
) -> Response {
    let mut request = format!("{line} HTTP/1.1\r\nhost: api.example\r\n");
    if !headers
        .iter()
        .any(|header| header.to_ascii_lowercase().starts_with("connection:"))
    {
        request += "connection: close\r\n";
    }
    for header in headers {
        request += &format!("{header}\r\n");
    }
    request += &format!("\r\n{body}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let response = runtime.unwrap().block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(CLIENT.parse().unwrap()).unwrap();
        let mut stream = socket.connect(gateway).await.expect("the gateway listens");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        // A gateway may reset the connection after a request that it does not read to its end.
        let read = stream.read_to_end(&mut response);
        let _ = tokio::time::timeout(PATIENCE, read)
            .await
            .expect("the gateway closes the connection");
        response
    });
    let text = String::from_utf8_lossy(&response).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Response {
        status: status.unwrap_or_else(|| panic!("no response to {request:?}: {text:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
