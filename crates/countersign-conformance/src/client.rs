//! An HTTP/1.1 client that sends headers exactly as a case has them, even invalid ones. It runs on a thread of its own,
//! so that it needs no async runtime and blocks none.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use countersign::url::HttpUrl;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};

use crate::received::Received;

/// The longest time to wait for a response.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest response that is read, in bytes.
const MAX_RESPONSE: u64 = 1 << 20;

/// The error for a target URL that is not `http://` followed by a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlError;

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the target URL must be `http://` followed by a host")
    }
}

impl std::error::Error for UrlError {}

/// The host and port of a target.
pub(crate) struct Address(Authority);

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        let url = HttpUrl::parse(url).map_err(|_| UrlError)?;
        match url.uri().authority() {
            Some(authority) if !url.is_https() => Ok(Self(authority.clone())),
            _ => Err(UrlError),
        }
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn exchange(self: &Arc<Self>, request: &Request<()>) -> ResponseFuture {
        let bytes = self.write(request);
        let address = Arc::clone(self);
        let response = ResponseFuture::default();
        let slot = Arc::clone(&response.0);
        thread::spawn(move || {
            let result = address.send(&bytes);
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            slot.result = Some(result);
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        });
        response
    }

    fn write(&self, request: &Request<()>) -> Vec<u8> {
        let target = request.uri().path_and_query();
        let target = target.map_or("/", |target| target.as_str());
        let mut bytes = format!("{} {target} HTTP/1.1\r\n", request.method()).into_bytes();
        let mut header = |name: &HeaderName, value: &[u8]| {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        };
        header(&HOST, self.0.as_str().as_bytes());
        for (name, value) in request.headers() {
            header(name, value.as_bytes());
        }
        bytes.extend_from_slice(b"connection: close\r\n\r\n");
        bytes
    }

    fn send(&self, request: &[u8]) -> io::Result<Received> {
        let port = self.0.port_u16().unwrap_or(80);
        let host = self.0.host().trim_matches(['[', ']']);
        let mut stream = TcpStream::connect((host, port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.write_all(request)?;
        let mut response = Vec::new();
        stream.take(MAX_RESPONSE).read_to_end(&mut response)?;
        read(&response).ok_or_else(|| io::Error::other("the response is not HTTP/1.1"))
    }
}

fn read(response: &[u8]) -> Option<Received> {
    let text = String::from_utf8_lossy(response);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.append(
            name.parse::<HeaderName>().ok()?,
            HeaderValue::from_str(value.trim()).ok()?,
        );
    }
    Some(Received::new(
        StatusCode::from_bytes(status.as_bytes()).ok()?,
        &headers,
    ))
}

/// A future for the response that the thread receives.
#[derive(Default)]
pub(crate) struct ResponseFuture(Arc<Mutex<Slot>>);

#[derive(Default)]
struct Slot {
    result: Option<io::Result<Received>>,
    waker: Option<Waker>,
}

impl Future for ResponseFuture {
    type Output = io::Result<Received>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_without_a_host_or_with_tls_is_rejected() {
        for url in ["https://a.test", "/a", "a.test", "", "file:///a"] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
        assert!(Address::parse("http://127.0.0.1:1/a").is_ok());
    }

    #[test]
    fn both_headers_of_the_same_name_are_sent() {
        let address = Address::parse("http://a.test:1").unwrap();
        let request = Request::get("/b?c").header("d", "e").header("d", "f");
        let sent = String::from_utf8(address.write(&request.body(()).unwrap())).unwrap();
        assert_eq!(
            sent,
            "GET /b?c HTTP/1.1\r\nhost: a.test:1\r\nd: e\r\nd: f\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn response_that_is_not_http_is_an_error() {
        assert!(read(b"HTTP/1.1 200 OK\r\na: b\r\n\r\n").is_some());
        for response in ["", "hello\r\n\r\n", "HTTP/1.1 200", "HTTP/1.1 2 OK\r\n\r\n"] {
            assert!(read(response.as_bytes()).is_none(), "{response}");
        }
    }
}
