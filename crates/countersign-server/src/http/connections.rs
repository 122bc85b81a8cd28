//! Connections: taken, served as HTTP/1.1 or HTTP/2, and let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use super::Signals;
use super::client_address::Peer;

/// How long a request's head may take, and how long a new connection may be silent.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Room for a token of 8 KiB and all else that travels beside it.
const LONGEST_HEAD: u32 = 32 * 1024;
const STREAMS: u32 = 128;
const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// When the system has no descriptor left, asking again at once would only burn time.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// What was under way is done, or had its time.
    InOrder,
    /// A second signal came.
    AtOnce,
}

/// Serves until a signal comes, then finishes what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    grace: Duration,
    mut signals: Signals,
) -> Ended {
    let builder = builder();
    let connections = GracefulShutdown::new();
    let mut episode = Episode::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = signals.next() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if episode.ends() {
                    tracing::info!("connections are taken again");
                }
                let watcher = connections.watcher();
                let peer = Peer(peer.ip());
                let connection = connection(builder.clone(), stream, peer, routes.clone(), watcher);
                tokio::spawn(connection);
            }
            Err(error) => {
                if episode.begins() {
                    tracing::warn!(%error, "connections cannot be taken; trying again");
                }
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    drop(listener);
    tracing::info!(connections = connections.count(), "ending");
    tokio::select! {
        () = connections.shutdown() => Ended::InOrder,
        () = tokio::time::sleep(grace) => {
            tracing::warn!("requests were cut off: they took longer than shutdown_grace");
            Ended::InOrder
        }
        () = signals.next() => Ended::AtOnce,
    }
}

/// Whether something goes wrong at present, so that it is told once and not at every try.
#[derive(Default)]
struct Episode {
    lasts: bool,
}

impl Episode {
    /// Notes a failure; whether it is the first.
    fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.lasts, true)
    }

    /// Notes a success; whether there were failures before it.
    fn ends(&mut self) -> bool {
        std::mem::take(&mut self.lasts)
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Without a timer hyper's time limits are silently off.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        // hyper's own limit is above 400 KB, for anybody who connects.
        .max_buf_size(LONGEST_HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(LONGEST_HEAD)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    builder
}

async fn connection(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    peer: Peer,
    routes: Router,
    watcher: Watcher,
) {
    // Answers are small: waiting for more to send with them only delays them.
    let _ = stream.set_nodelay(true);
    let spoke = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&spoke);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        heard.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer);
        routes.clone().oneshot(request.map(Body::new))
    });
    let served = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        result = served => {
            if let Err(error) = result {
                // Clients go away as they like.
                tracing::debug!(%error, "a connection broke");
            }
        }
        () = silence(&spoke) => tracing::debug!("a connection was silent"),
    }
}

/// Ends when no request has come in time. hyper's own limit begins once it knows the protocol, which a
/// connection that says nothing, or half of HTTP/2's preface, never lets it know.
async fn silence(spoke: &AtomicBool) {
    tokio::time::sleep(HEAD_PATIENCE).await;
    if spoke.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_is_told_when_it_begins_and_when_it_ends_and_not_between() {
        let mut episode = Episode::default();
        assert!(!episode.ends(), "nothing has failed yet");
        for _ in 0..2 {
            let told = [episode.begins(), episode.begins(), episode.begins()];
            assert_eq!(told, [true, false, false]);
            assert_eq!([episode.ends(), episode.ends()], [true, false]);
        }
    }
}
