//! A connection of the HTTP client.

use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The longest head of a response, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// How long after it was opened a connection is used again, so that a client comes to follow changes of addresses, and certificates
/// are verified again.
const LONGEST_USE: Duration = Duration::from_secs(60);

/// What a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: Option<Scheme>,
    authority: Option<Authority>,
    /// Whether the connection may be plain HTTP to another machine.
    pub(super) allow_http: bool,
}

impl Origin {
    pub(super) fn of(uri: &Uri, allow_http: bool) -> Self {
        Self {
            scheme: uri.scheme().cloned(),
            authority: uri.authority().cloned(),
            allow_http,
        }
    }
}

/// An open connection, which is closed when this is dropped.
pub(super) struct Connection {
    origin: Origin,
    opened_at: Instant,
    sender: SendRequest<Full<Bytes>>,
    /// The task that drives the connection.
    _driver: JoinSet<()>,
}

impl Connection {
    pub(super) async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        origin: Origin,
    ) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // The request fails too, and returns the error.
            let _ = connection.await;
        });
        Ok(Self {
            origin,
            opened_at: Instant::now(),
            sender,
            _driver: driver,
        })
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.send_request(request).await
    }

    /// Returns whether the connection may be used for another request to this origin.
    pub(super) fn is_for(&self, origin: &Origin) -> bool {
        self.origin == *origin && self.opened_at.elapsed() < LONGEST_USE
    }

    /// Waits until another request can be sent. Returns `false` if the connection was closed.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }
}
