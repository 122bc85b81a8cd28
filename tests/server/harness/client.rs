//! An HTTP client without a connection pool.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    /// Parses the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A header of a request.
pub(crate) type Header = (&'static str, String);

pub(crate) fn bearer(token: &str) -> Header {
    ("authorization", format!("Bearer {token}"))
}

pub(crate) fn api_key(key: &str) -> Header {
    ("x-api-key", key.to_owned())
}

pub(crate) fn basic(id: &str, secret: &str) -> Header {
    let pair = STANDARD.encode(format!("{id}:{secret}"));
    ("authorization", format!("Basic {pair}"))
}

/// Sends these bytes and returns the response. The server may reject the request and close the connection before it has
/// read all of them.
#[track_caller]
pub(super) fn send_raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(bytes);
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response);
    String::from_utf8_lossy(&response).into_owned()
}

/// Sends a request on a new connection.
#[track_caller]
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[Header],
    body: &str,
) -> Response {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n{body}", body.len());

    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");

    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let response = Response {
        status: status.expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    };
    assert_eq!(response.header("transfer-encoding"), None, "{response:?}");
    response
}
