//! An HTTP client that sends one request on a connection of its own.

use std::net::SocketAddr;

use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// A complete response.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Received {
    pub fn challenges(&self) -> Vec<&str> {
        let values = self.headers.get_all("www-authenticate").iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    /// Removes the `Date` header, so that responses can be compared.
    pub fn without_date(mut self) -> Self {
        self.headers.remove("date");
        self
    }
}

pub async fn send(
    address: SocketAddr,
    version: Version,
    mut request: Request<Full<Bytes>>,
) -> Received {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let response = if version == Version::HTTP_2 {
        *request.uri_mut() = format!("http://{address}{}", request.uri())
            .parse()
            .unwrap();
        *request.version_mut() = version;
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
                .await
                .unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        request
            .headers_mut()
            .insert("host", "test".parse().unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    assert_eq!(response.version(), version);
    receive(response).await
}

/// Reads a response to its end.
pub async fn receive(response: Response<Incoming>) -> Received {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Received {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
