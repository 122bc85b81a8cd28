//! Accepting connections.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Extension;
use countersign::client_address::ClientAddressLayer;
use countersign::directory::Networks;
use countersign_cli::config::ServerSettings;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Layer as _;
use tower::util::option_layer;

use super::admission::{Admission, Place};
use super::connection::{self, ConnectionOptions};
use super::exchanges::Deadlines;
use super::{Endpoint, deadlines};
use crate::http::feed::Confidential;
use crate::http::gateway::FromProxy;
use crate::http::metrics;

/// How long to wait after a failed accept, such as when no file descriptor is left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts the connections of one address within the limits, and serves each by a task of its own.
pub(super) struct Acceptor {
    endpoint: Endpoint,
    admission: Arc<Admission>,
    outage: Outage,
    proxies: Option<Networks>,
    deadlines: Deadlines,
    header_limit: u32,
    stop: watch::Receiver<bool>,
}

impl Acceptor {
    /// The connections finish their requests in flight once `stop` is true.
    pub(super) fn new(
        endpoint: Endpoint,
        settings: &ServerSettings,
        admission: &Arc<Admission>,
        stop: &watch::Receiver<bool>,
    ) -> Self {
        Self {
            endpoint,
            admission: Arc::clone(admission),
            outage: Outage::default(),
            proxies: settings.trusted_proxies.clone(),
            deadlines: deadlines(settings.request_timeout),
            header_limit: settings.header_limit,
            stop: stop.clone(),
        }
    }

    /// Accepts with this many tasks, so that other threads accept while one serves.
    pub(super) fn spawn(self, tasks: usize, running: &mut JoinSet<()>) {
        let acceptor = Arc::new(self);
        for _ in 0..tasks {
            let acceptor = Arc::clone(&acceptor);
            running.spawn(async move { acceptor.accept().await });
        }
    }

    async fn accept(&self) {
        loop {
            match self.endpoint.listener.accept().await {
                Ok((stream, peer)) => {
                    if self.outage.ends() {
                        tracing::info!("accepting connections again");
                    }
                    match self.admission.admit(peer.ip()) {
                        Some(place) => self.serve(stream, peer.ip(), place),
                        None => {
                            tracing::debug!(%peer, "connection closed: there are too many");
                            metrics::count_refused_connection();
                        }
                    }
                }
                Err(error) => {
                    if self.outage.begins() {
                        tracing::warn!(%error, "accept failed; retrying");
                    }
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    /// Starts to serve a connection.
    fn serve(&self, stream: TcpStream, peer: IpAddr, place: Place) {
        // Responses are small, so that Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let is_proxy = self.proxies.as_ref();
        let is_proxy = is_proxy.is_some_and(|proxies| proxies.allow(Some(peer)));
        let from_proxy = is_proxy.then_some(Extension(FromProxy(true)));
        let confidential = Confidential::of(self.endpoint.tls.is_some(), peer).map(Extension);
        let marks = (option_layer(from_proxy), option_layer(confidential));
        let proxies = self.proxies.clone().unwrap_or_else(Networks::anywhere);
        let routes = ClientAddressLayer::of_peer(peer)
            .trusted_proxies(proxies)
            .layer(marks.layer(self.endpoint.routes.clone()));
        metrics::set_connections(self.admission.count());
        let (stop, admission) = (self.stop.clone(), Arc::clone(&self.admission));
        let tls = self.endpoint.tls.clone();
        let mut options = ConnectionOptions {
            requests: place.requests(),
            deadlines: self.deadlines,
            header_limit: self.header_limit,
            certificate: None,
        };
        tokio::spawn(async move {
            match tls {
                None => connection::serve(stream, routes, options, stop).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => {
                        options.certificate = stream.client_certificate().cloned();
                        connection::serve(stream, routes, options, stop).await;
                    }
                    Err(error) => tracing::debug!(%error, "handshake failed"),
                },
            }
            drop(place);
            metrics::set_connections(admission.count());
        });
    }
}

/// Whether accepting fails at present, so that the log has one line for many failures in a row.
#[derive(Default)]
struct Outage {
    lasts: AtomicBool,
}

impl Outage {
    /// Records a failure. Returns whether it is the first one.
    fn begins(&self) -> bool {
        !self.lasts.swap(true, Ordering::Relaxed)
    }

    /// Records a success. Returns whether there were failures before it.
    fn ends(&self) -> bool {
        self.lasts.load(Ordering::Relaxed) && self.lasts.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_is_reported_when_it_begins_and_when_it_ends_and_not_between() {
        let outage = Outage::default();
        assert!(!outage.ends(), "nothing has failed yet");
        for _ in 0..2 {
            let reported = [outage.begins(), outage.begins(), outage.begins()];
            assert_eq!(reported, [true, false, false]);
            assert_eq!([outage.ends(), outage.ends()], [true, false]);
        }
    }
}
