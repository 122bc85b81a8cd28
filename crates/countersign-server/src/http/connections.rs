//! Connections: accepted, served as HTTP/1.1 or HTTP/2, and shut down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use countersign::client_address::{ClientAddressLayer, ClientAddressService};
use countersign::directory::Networks;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer as _, ServiceExt as _};

use super::Signals;

/// How long a request's head may take, and how long a new connection may send nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest head of a request: a token of 8 KiB, and room for the other headers.
const MAX_HEAD: u32 = 32 * 1024;
const MAX_STREAMS: u32 = 128;
const PING_PERIOD: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
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

/// Serves connections until a signal comes, then lets requests in flight finish.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    trusted_proxies: Networks,
    grace: Duration,
    mut signals: Signals,
) -> Shutdown {
    let builder = builder();
    let connections = GracefulShutdown::new();
    let mut outage = Outage::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = signals.next() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if outage.ends() {
                    tracing::info!("accepting connections again");
                }
                let watcher = connections.watcher();
                let routes = ClientAddressLayer::of_peer(peer.ip())
                    .trusted_proxies(trusted_proxies.clone())
                    .layer(routes.clone());
                let connection = connection(builder.clone(), stream, routes, watcher);
                tokio::spawn(connection);
            }
            Err(error) => {
                if outage.begins() {
                    tracing::warn!(%error, "accept failed; retrying");
                }
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    tracing::info!(connections = connections.count(), "shutting down");
    tokio::select! {
        () = connections.shutdown() => Shutdown::Graceful,
        () = tokio::time::sleep(grace) => {
            tracing::warn!("requests aborted: they took longer than shutdown_grace");
            Shutdown::Graceful
        }
        () = signals.next() => Shutdown::Immediate,
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

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Without a timer, hyper ignores its timeouts silently.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        // hyper's default exceeds 400 KB for each connection, also before authentication.
        .max_buf_size(MAX_HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .keep_alive_interval(PING_PERIOD)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

async fn connection(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    routes: ClientAddressService<Router>,
    watcher: Watcher,
) {
    // Responses are small, so that Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    let active = Arc::new(AtomicBool::new(false));
    let activity = Arc::clone(&active);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        activity.store(true, Ordering::Relaxed);
        routes.clone().oneshot(request.map(Body::new))
    });
    let served = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        result = served => {
            if let Err(error) = result {
                // Clients may disconnect at any time.
                tracing::debug!(%error, "connection failed");
            }
        }
        () = idle(&active) => tracing::debug!("connection closed: no request"),
    }
}

/// Completes if no request has come in time. hyper's own timeout starts once it knows the protocol, which it does not
/// learn from a connection that sends nothing, or half of HTTP/2's preface.
async fn idle(active: &AtomicBool) {
    tokio::time::sleep(HEAD_TIMEOUT).await;
    if active.load(Ordering::Relaxed) {
        std::future::pending().await
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
