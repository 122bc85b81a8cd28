use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::serve::{IncomingStream, Listener};
use http::Request;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Interval, interval, sleep};
use tower_service::Service;

use super::{TlsAcceptor, TlsStream};
use crate::credentials::ClientCertificate;

/// The most handshakes at once. Further connections wait.
const MAX_HANDSHAKES: usize = 512;
/// How often the files of the certificate are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long to wait after a failed accept, such as when no file descriptor is left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Listens for TLS connections, for `axum::serve` (feature `axum-tls`).
///
/// The handshakes of 512 connections take place at once, so that a slow client delays no other one. Every five seconds, the
/// listener looks whether the files of the acceptor have changed, and reads them again. A failed handshake and a failed reload are
/// logged.
///
/// `axum::serve` itself limits neither the number of connections nor the time in which a client sends a request. Let a reverse
/// proxy do so for a service that the internet can reach.
pub struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<io::Result<Accepted>>,
    most: usize,
    looks: Interval,
}

type Accepted = (TlsStream<TcpStream>, SocketAddr);

impl TlsListener {
    /// Accepts the connections of `listener` with `acceptor`. Call it on tokio's runtime.
    #[must_use]
    pub fn new(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        Self {
            listener,
            acceptor,
            handshakes: JoinSet::new(),
            most: MAX_HANDSHAKES,
            looks: interval(LOOK),
        }
    }

    fn begin_handshake(&mut self, stream: TcpStream, peer: SocketAddr) {
        let acceptor = self.acceptor.clone();
        self.handshakes
            .spawn(async move { Ok((acceptor.accept(stream).await?, peer)) });
    }

    fn look(&self) {
        let reloaded = self.acceptor.reload_if_changed();
        #[cfg(feature = "tracing")]
        match reloaded {
            Ok(true) => tracing::info!("certificate read again"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the present certificate stays"),
        }
        #[cfg(not(feature = "tracing"))]
        drop(reloaded);
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(finished) = self.handshakes.join_next() => match finished {
                    Ok(Ok(accepted)) => return accepted,
                    Ok(Err(error)) => log("handshake failed", &error),
                    Err(error) => log("handshake failed", &error),
                },
                accepted = self.listener.accept(), if self.handshakes.len() < self.most => match accepted {
                    Ok((stream, peer)) => self.begin_handshake(stream, peer),
                    Err(error) => {
                        log("accept failed", &error);
                        sleep(ACCEPT_RETRY).await;
                    }
                },
                _ = self.looks.tick() => self.look(),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Clients cause these errors at any time.
fn log(event: &'static str, error: &dyn fmt::Display) {
    #[cfg(feature = "tracing")]
    tracing::debug!(%error, "{event}");
    #[cfg(not(feature = "tracing"))]
    let _ = (event, error);
}

impl fmt::Debug for TlsListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsListener")
            .field("listener", &self.listener)
            .field("acceptor", &self.acceptor)
            .finish_non_exhaustive()
    }
}

/// Makes the service of each connection of a [`TlsListener`], for `axum::serve` (feature `axum-tls`).
///
/// The service inserts the [`ClientCertificate`] of the connection, if there is one, into the extensions of each request, and
/// axum's `ConnectInfo<SocketAddr>`.
#[derive(Clone, Debug)]
pub struct TlsMakeService<S>(S);

impl<S> TlsMakeService<S> {
    /// Serves each connection with a clone of `service`, such as a `Router`.
    pub const fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S: Clone> Service<IncomingStream<'_, TlsListener>> for TlsMakeService<S> {
    type Response = TlsConnectionService<S>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, TlsListener>) -> Self::Future {
        ready(Ok(TlsConnectionService {
            inner: self.0.clone(),
            certificate: stream.io().client_certificate().cloned(),
            peer: *stream.remote_addr(),
        }))
    }
}

/// Service of one TLS connection. See [`TlsMakeService`].
#[derive(Clone, Debug)]
pub struct TlsConnectionService<S> {
    inner: S,
    certificate: Option<ClientCertificate>,
    peer: SocketAddr,
}

impl<S, B> Service<Request<B>> for TlsConnectionService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let extensions = request.extensions_mut();
        if let Some(certificate) = &self.certificate {
            extensions.insert(certificate.clone());
        }
        extensions.insert(ConnectInfo(self.peer));
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::{assert_pending, task};

    use super::*;

    #[tokio::test]
    async fn connections_beyond_the_most_handshakes_wait() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["server.pem", "server.key"].map(|name| folder.path().join(name));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&files[0], made.cert.pem()).unwrap();
        std::fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
        let [certificate, key] = files;
        let acceptor = TlsAcceptor::pem_files(certificate, key).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut listener = TlsListener::new(listener, acceptor);
        listener.most = 2;
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        while listener.handshakes.len() < 2 {
            assert_pending!(task::spawn(listener.accept()).poll());
            tokio::task::yield_now().await;
        }
        assert_eq!(listener.handshakes.len(), 2);
        // Ended handshakes make room for the others.
        drop(clients);
        while !listener.handshakes.is_empty() {
            assert_pending!(task::spawn(listener.accept()).poll());
            tokio::task::yield_now().await;
        }
    }
}
