//! Connections: accepted within limits, served, and shut down.

mod acceptor;
mod admission;
mod connection;
mod exchanges;
mod seldom;
mod tls;
mod write_deadline;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use countersign_cli::config::ServerSettings;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::Service;

use self::acceptor::Acceptor;
use self::admission::Admission;
use self::exchanges::Deadlines;
pub(crate) use self::tls::Tls;
use super::shortcuts::{ServedFuture, ServedRoutes};
use super::signals::Request as Signal;
use super::{Draining, Signals};

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
pub(crate) struct CurrentRoutes(Arc<ArcSwap<ServedRoutes>>);

impl CurrentRoutes {
    pub(crate) fn new(routes: impl Into<ServedRoutes>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(routes.into())))
    }

    /// Replaces the routes.
    pub(crate) fn replace(&self, routes: ServedRoutes) {
        self.0.store(Arc::new(routes));
    }
}

impl Service<Request<Body>> for CurrentRoutes {
    type Response = Response;
    type Error = Infallible;
    type Future = ServedFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.load().call(request)
    }
}

/// An address, and what is served there.
pub(crate) struct Endpoint {
    pub(crate) listener: TcpListener,
    pub(crate) routes: CurrentRoutes,
    pub(crate) tls: Option<Tls>,
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
    let tls = public.tls.clone();
    let admission = Arc::new(Admission::new(settings));
    let (shutdown, stop) = watch::channel(false);
    let mut tasks = JoinSet::new();
    if let Some(tls) = tls.clone() {
        tasks.spawn(tls.follow());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Acceptor::new(public, settings, &admission, &stop).spawn(cores, &mut tasks);
    if let Some(management) = management {
        // So that it answers while there are too many connections elsewhere.
        let admission = Arc::new(Admission::new(settings));
        Acceptor::new(management, settings, &admission, &stop).spawn(1, &mut tasks);
    }
    let mut stops_at = None;
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = wait_until(stops_at) => break,
        };
        match (signal, stops_at) {
            (Signal::Reload, _) => {
                if let Some(tls) = &tls {
                    tls.reload();
                }
                // If it is being read already, it is read once more.
                let _ = reload.try_send(());
            }
            (Signal::Stop, None) => {
                draining.begin();
                tracing::info!("signal received; not ready any more");
                stops_at = Some(Instant::now() + settings.shutdown_delay);
            }
            (Signal::Stop, Some(_)) => return Shutdown::Immediate,
        }
    }
    // Closes the listeners.
    tasks.shutdown().await;
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
