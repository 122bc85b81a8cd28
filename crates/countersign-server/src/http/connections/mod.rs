//! Connections: accepted within limits, served, and shut down.

mod admission;
mod connection;
mod exchanges;
mod tls;
mod write_deadline;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use axum::{Extension, Router};
use countersign::client_address::ClientAddressLayer;
use countersign::directory::Networks;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tower::util::Oneshot;
use tower::{Layer as _, Service, ServiceExt as _};

use self::admission::Admission;
use self::connection::ConnectionOptions;
use self::exchanges::Deadlines;
pub(crate) use self::tls::Tls;
use super::gateway::FromProxy;
use super::signals::Request as Signal;
use super::{Draining, Signals, metrics};
use crate::config::ServerSettings;

/// How long the client has to take a response once it is ready.
const TAKE_RESPONSE: Duration = Duration::from_secs(30);
/// The time without a request after which a connection is closed.
const IDLE: Duration = Duration::from_secs(60);

fn deadlines(request_timeout: Duration) -> Deadlines {
    let exchange = request_timeout + TAKE_RESPONSE;
    Deadlines {
        head: Duration::from_secs(10),
        exchange,
        idle: exchange.max(IDLE),
        write: Duration::from_secs(20),
        flush: Duration::from_secs(1),
    }
}
/// How long to wait after a failed accept, such as when no file descriptor is left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How the server shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shutdown {
    /// Requests in flight finished, or exceeded the grace period.
    Graceful,
    /// A second signal came.
    Immediate,
}

/// The routes of the present configuration. Clones share them, so that requests on open connections get new ones, too.
#[derive(Clone)]
pub(crate) struct CurrentRoutes(Arc<ArcSwap<Router>>);

impl CurrentRoutes {
    pub(crate) fn new(routes: Router) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(routes)))
    }

    /// Replaces the routes.
    pub(crate) fn replace(&self, routes: Router) {
        self.0.store(Arc::new(routes));
    }
}

impl Service<Request<Body>> for CurrentRoutes {
    type Response = Response;
    type Error = Infallible;
    type Future = Oneshot<Router, Request<Body>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Router::clone(&self.0.load()).oneshot(request)
    }
}

/// An address, and what is served there.
pub(crate) struct Endpoint {
    pub(crate) listener: TcpListener,
    pub(crate) routes: CurrentRoutes,
    pub(crate) tls: Option<Tls>,
}

impl Endpoint {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.listener.accept().await
    }
}

/// Serves connections until a signal comes, then lets requests in flight finish. On SIGHUP, it sends to `reload`.
pub(crate) async fn serve(
    public: Endpoint,
    management: Option<Endpoint>,
    settings: &ServerSettings,
    draining: &Draining,
    mut signals: Signals,
    reload: &mpsc::Sender<()>,
) -> Shutdown {
    let trusted_proxies = settings.trusted_proxies.clone();
    let trusted_proxies = trusted_proxies.unwrap_or_else(Networks::anywhere);
    let deadlines = deadlines(settings.request_timeout);
    let admission = Arc::new(Admission::new(settings));
    // So that it answers while there are too many connections elsewhere.
    let of_management = Arc::new(Admission::new(settings));
    let mut stops_at = None;
    let following = public.tls.clone().map(|tls| tokio::spawn(tls.follow()));
    let (shutdown, stop) = watch::channel(false);
    let mut outage = Outage::default();
    loop {
        let accept_management = async {
            match &management {
                Some(management) => management.accept().await,
                None => std::future::pending().await,
            }
        };
        let (accepted, endpoint, admission) = tokio::select! {
            biased;
            request = signals.next() => match (request, stops_at) {
                (Signal::Reload, _) => {
                    if let Some(tls) = &public.tls {
                        tls.reload();
                    }
                    // If it is being read already, it is read once more.
                    let _ = reload.try_send(());
                    continue;
                }
                (Signal::Stop, None) => {
                    draining.begin();
                    tracing::info!("signal received; not ready any more");
                    stops_at = Some(Instant::now() + settings.shutdown_delay);
                    continue;
                }
                (Signal::Stop, Some(_)) => return Shutdown::Immediate,
            },
            () = wait_until(stops_at) => break,
            accepted = public.accept() => (accepted, &public, &admission),
            accepted = accept_management => {
                let endpoint = management.as_ref().unwrap_or(&public);
                (accepted, endpoint, &of_management)
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                if outage.ends() {
                    tracing::info!("accepting connections again");
                }
                let Some(place) = admission.admit(peer.ip()) else {
                    tracing::debug!(%peer, "connection closed: there are too many");
                    metrics::count_refused_connection();
                    continue;
                };
                // Responses are small, so that Nagle's algorithm would only delay them.
                let _ = stream.set_nodelay(true);
                let is_proxy = settings.trusted_proxies.as_ref();
                let is_proxy = is_proxy.is_some_and(|proxies| proxies.allow(Some(peer.ip())));
                let routes = ClientAddressLayer::of_peer(peer.ip())
                    .trusted_proxies(trusted_proxies.clone())
                    .layer(Extension(FromProxy(is_proxy)).layer(endpoint.routes.clone()));
                metrics::set_connections(admission.count());
                let (stop, admission) = (stop.clone(), Arc::clone(admission));
                let tls = endpoint.tls.clone();
                let mut options = ConnectionOptions {
                    requests: place.requests(),
                    deadlines,
                    header_limit: settings.header_limit,
                    certificate: None,
                };
                tokio::spawn(async move {
                    match tls {
                        None => connection::serve(stream, routes, options, stop).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok((stream, certificate)) => {
                                options.certificate = certificate;
                                connection::serve(stream, routes, options, stop).await;
                            }
                            Err(error) => tracing::debug!(%error, "handshake failed"),
                        },
                    }
                    drop(place);
                    metrics::set_connections(admission.count());
                });
            }
            Err(error) => {
                if outage.begins() {
                    tracing::warn!(%error, "accept failed; retrying");
                }
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop((public, management));
    if let Some(following) = following {
        following.abort();
    }
    tracing::info!(connections = admission.count(), "shutting down");
    shutdown.send_replace(true);
    tokio::select! {
        () = admission.all_free() => Shutdown::Graceful,
        () = tokio::time::sleep(settings.shutdown_grace) => {
            tracing::warn!("requests aborted: they took longer than shutdown_grace");
            Shutdown::Graceful
        }
        () = signals.stop() => Shutdown::Immediate,
    }
}

/// Waits until this time; for ever if there is none.
async fn wait_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Whether accepting fails at present, so that the log has one line for many failures in a row.
#[derive(Default)]
struct Outage {
    lasts: bool,
}

impl Outage {
    /// Records a failure. Returns whether it is the first one.
    fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.lasts, true)
    }

    /// Records a success. Returns whether there were failures before it.
    fn ends(&mut self) -> bool {
        std::mem::take(&mut self.lasts)
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_is_reported_when_it_begins_and_when_it_ends_and_not_between() {
        let mut outage = Outage::default();
        assert!(!outage.ends(), "nothing has failed yet");
        for _ in 0..2 {
            let reported = [outage.begins(), outage.begins(), outage.begins()];
            assert_eq!(reported, [true, false, false]);
            assert_eq!([outage.ends(), outage.ends()], [true, false]);
        }
    }
}
