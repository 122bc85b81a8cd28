//! One connection: HTTP/1.1 or HTTP/2, with deadlines.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, Version};
use countersign::credentials::ClientCertificate;
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tower::Service;

use super::exchanges::{Deadlines, ExchangeBody, Exchanges, Overdue};
use super::seldom::Seldom;
use super::write_deadline::WriteDeadline;

/// The most requests that one HTTP/2 connection has at once.
const MAX_STREAMS: u32 = 100;
/// The most bytes of a response that HTTP/2 copies before the client takes them.
const MAX_SEND_BUFFER: usize = 16 * 1024;
/// The most bytes of request bodies that an HTTP/2 client may send before the server reads them.
const RECEIVE_WINDOW: u32 = 64 * 1024;
/// The most streams that an HTTP/2 client may have reset before they are accepted (CVE-2023-44487).
const MAX_RESETS: usize = 20;

/// What one connection may do, and whose it is.
pub(super) struct ConnectionOptions {
    /// Each request waits for a permit of these.
    pub(super) requests: Option<Arc<Semaphore>>,
    pub(super) deadlines: Deadlines,
    /// The largest head of a request, in bytes.
    pub(super) header_limit: u32,
    /// The certificate of the client, which the handshake has verified.
    pub(super) certificate: Option<ClientCertificate>,
}

/// Serves a connection until it ends, exceeds a deadline, or the server shuts down.
pub(super) async fn serve<S, R>(
    stream: S,
    routes: R,
    options: ConnectionOptions,
    mut shutdown: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    R: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let ConnectionOptions {
        requests,
        deadlines,
        header_limit,
        certificate,
    } = options;
    let exchanges = Exchanges::new();
    let begun = exchanges.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let http1 = request.version() < Version::HTTP_2;
        let complete = request.body().is_end_stream();
        let exchange = begun.begin(http1, complete);
        let mut request = request.map(|body| match complete {
            true => Body::empty(),
            false => Body::new(ExchangeBody::new(body, &exchange)),
        });
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        let mut routes = routes.clone();
        // Over HTTP/1.1, hyper processes one request after the other.
        let requests = requests.as_ref().filter(|_| !http1).cloned();
        async move {
            let permit = match requests {
                Some(requests) => requests.acquire_owned().await.ok(),
                None => None,
            };
            poll_fn(|cx| routes.poll_ready(cx)).await?;
            let mut response = routes.call(request).await?;
            drop(permit);
            if !exchange.complete() && http1 {
                // The connection cannot be used again, and the client must know (RFC 9112 §9.6).
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response.map(|body| ExchangeBody::new(body, &exchange)))
        }
    });
    let builder = builder(&deadlines, header_limit);
    let stream = TokioIo::new(WriteDeadline::new(
        stream,
        deadlines.write,
        exchanges.clone(),
    ));
    let mut served = pin!(builder.serve_connection(stream, service));
    let signal = shutdown.clone();
    let stopped = pin!(shutdown.wait_for(|shutdown| *shutdown));
    tokio::select! {
        biased;
        result = served.as_mut() => {
            if let Err(error) = result {
                // Clients may disconnect at any time.
                tracing::debug!(%error, "connection failed");
            }
            return;
        }
        () = Seldom::new(exchanges.overdue(deadlines), Overdue::is_due) => {
            tracing::debug!("connection closed: it exceeded a deadline");
            return;
        }
        _ = Seldom::new(stopped, move |_: &_| !matches!(signal.has_changed(), Ok(false))) => {}
    }
    served.as_mut().graceful_shutdown();
    tokio::select! {
        _ = served => {}
        () = exchanges.overdue(deadlines) => {}
        () = exchanges.drained(deadlines) => {}
    }
}

fn builder(deadlines: &Deadlines, header_limit: u32) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // The deadlines of the exchanges include that of the head, without a timer for each request.
        .header_read_timeout(None)
        // hyper's default exceeds 400 KB for each connection, also before authentication.
        .max_buf_size(header_limit as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(header_limit)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .initial_stream_window_size(RECEIVE_WINDOW)
        .initial_connection_window_size(RECEIVE_WINDOW)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_RESETS)
        .keep_alive_interval(deadlines.exchange / 3)
        .keep_alive_timeout(deadlines.head);
    builder
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::body::Bytes;
    use axum::http::StatusCode;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;

    const DEADLINES: Deadlines = Deadlines {
        head: Duration::from_secs(10),
        exchange: Duration::from_secs(60),
        idle: Duration::from_secs(90),
        write: Duration::from_secs(20),
        flush: Duration::from_secs(1),
    };

    /// A client of a connection that is served.
    struct Client {
        stream: DuplexStream,
        served: JoinHandle<()>,
        shutdown: watch::Sender<bool>,
        begun: Instant,
    }

    impl Client {
        fn connect() -> Self {
            Self::with(None)
        }

        fn with(requests: Option<Arc<Semaphore>>) -> Self {
            let routes: Router = Router::new()
                .route("/", get(|| async { "x".repeat(1000) }))
                .route("/reads", post(|_: Bytes| async {}))
                .route("/rejects", post(|| async { StatusCode::FORBIDDEN }))
                .route("/slow", get(|| tokio::time::sleep(Duration::from_secs(5))));
            let (stream, server) = duplex(1024);
            let (shutdown, stop) = watch::channel(false);
            let served = tokio::spawn(async move {
                let options = ConnectionOptions {
                    requests,
                    deadlines: DEADLINES,
                    header_limit: 32 * 1024,
                    certificate: None,
                };
                serve(server, routes, options, stop).await;
            });
            Self {
                stream,
                served,
                shutdown,
                begun: Instant::now(),
            }
        }

        async fn send(&mut self, text: &str) {
            self.stream.write_all(text.as_bytes()).await.unwrap();
        }

        /// Reads until the connection is closed.
        async fn response(&mut self) -> String {
            let mut response = String::new();
            let _ = self.stream.read_to_string(&mut response).await;
            response
        }

        /// Waits until the connection is closed. Returns the number of seconds since it was opened.
        async fn seconds_until_closed(self) -> u64 {
            // A test that waits in vain ends all the same: the clock is paused.
            let day = Duration::from_secs(86_400);
            let closed = tokio::time::timeout(day, self.served).await;
            closed.expect("the connection is closed").unwrap();
            self.begun.elapsed().as_secs()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn client_that_sends_nothing_or_half_a_head_is_disconnected() {
        for sent in ["", "GET", "GET / HTTP/1.1\r\nhost: a", "PRI * HTTP/2.0\r\n"] {
            let mut client = Client::connect();
            client.send(sent).await;
            assert_eq!(client.seconds_until_closed().await, 10, "{sent}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn http1_client_that_sends_nothing_or_half_a_head_after_a_request_is_disconnected() {
        for (wait, path, second, closed) in [
            (0, "/none", "", 10),
            (0, "/none", "GET / HTTP/1.1\r\nhost: a", 10),
            // The request ends after 13 seconds.
            (8, "/slow", "GET", 23),
        ] {
            let mut client = Client::connect();
            tokio::time::sleep(Duration::from_secs(wait)).await;
            let first = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
            client.send(&first).await;
            let mut byte = [0; 1];
            client.stream.read_exact(&mut byte).await.unwrap();
            tokio::time::sleep(Duration::from_secs(3)).await;
            client.send(second).await;
            let seconds = client.seconds_until_closed().await;
            assert_eq!(seconds, closed, "{path} {second}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn client_that_pipelines_requests_and_never_reads_is_disconnected() {
        let mut client = Client::connect();
        let request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        client.send(&request.repeat(20)).await;
        assert_eq!(client.seconds_until_closed().await, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn http2_client_with_a_window_of_zero_is_disconnected_though_it_answers_pings() {
        let mut client = Client::connect();
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        // SETTINGS_INITIAL_WINDOW_SIZE = 0.
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
        client.stream.write_all(&settings).await.unwrap();
        // HEADERS of stream 1: GET http://a/ (RFC 7541, static table).
        let headers = [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, b'a'];
        client.stream.write_all(&headers).await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(client.stream);
        let answers = tokio::spawn(async move {
            loop {
                let mut head = [0; 9];
                if reader.read_exact(&mut head).await.is_err() {
                    return;
                }
                let [0, high, low, kind, flags, ..] = head else {
                    panic!("{head:?}")
                };
                let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
                if reader.read_exact(&mut payload).await.is_err() {
                    return;
                }
                assert_ne!(kind, 0, "DATA does not fit the window");
                if kind == 6 && flags == 0 {
                    let ack = [&[0, 0, 8, 6, 1, 0, 0, 0, 0], &payload[..]].concat();
                    let _ = writer.write_all(&ack).await;
                }
            }
        });
        client.served.await.unwrap();
        assert_eq!(client.begun.elapsed().as_secs(), 60);
        answers.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn connection_is_closed_only_if_a_body_was_not_read() {
        for (path, body, closed) in [
            ("/rejects", "{}", true),
            ("/rejects", "", false),
            ("/reads", "{}", false),
            ("/reads", "", false),
        ] {
            let mut client = Client::connect();
            let length = body.len();
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
            client.send(&head).await;
            client.send(body).await;
            let response = client.response().await;
            assert_eq!(
                response.contains("connection: close"),
                closed,
                "{path} {body}: {response}"
            );
        }
    }

    /// Reads frames of HTTP/2 until the head of a response comes, or for some seconds. Returns whether it came.
    async fn has_response(stream: &mut DuplexStream) -> bool {
        let reading = async {
            loop {
                let mut head = [0; 9];
                stream.read_exact(&mut head).await.unwrap();
                let [0, high, low, kind, ..] = head else {
                    panic!("{head:?}")
                };
                let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
                stream.read_exact(&mut payload).await.unwrap();
                if kind == 1 {
                    return;
                }
            }
        };
        let seconds = Duration::from_secs(2);
        tokio::time::timeout(seconds, reading).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn http2_request_waits_for_a_permit_and_gives_it_back() {
        let requests = Arc::new(Semaphore::new(1));
        let taken = Arc::clone(&requests).try_acquire_owned().unwrap();
        let mut client = Client::with(Some(Arc::clone(&requests)));
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        // SETTINGS, and HEADERS of stream 1: GET http://a/ (RFC 7541, static table).
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let headers = [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, b'a'];
        client.stream.write_all(&settings).await.unwrap();
        client.stream.write_all(&headers).await.unwrap();
        let early = has_response(&mut client.stream).await;
        assert!(!early, "the request was processed without a permit");
        drop(taken);
        assert!(has_response(&mut client.stream).await);
        assert_eq!(requests.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_waits_for_complete_requests_and_not_for_incomplete_ones() {
        let head = "POST /reads HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n";
        for (sent, seconds) in [
            ("", 0),
            ("GET / HTTP/1.1\r\nhost: a", 0),
            (head, 0),
            ("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n", 3),
        ] {
            let mut client = Client::connect();
            client.send(sent).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            client.shutdown.send_replace(true);
            let closed = client.seconds_until_closed().await;
            assert_eq!(closed, 2 + seconds, "{sent}");
        }
    }
}
