//! How often the client asks a token endpoint: once for any number of callers, once more after a rejection, and rarely while
//! the endpoint is down. The requests are counted on their way to the server and to an external provider.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_client::{BearerLayer, Credentials, TokenRequest, Tokens, TokensBuilder};
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use tokio::task::yield_now;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::harness::{Home, Server, now};
use crate::issuer_by_url::{API, Provider};

/// The lifetime of the tokens of both endpoints.
const LIFETIME: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than the longest wait after a failure, with its random part.
const LONGEST_WAIT: Duration = Duration::from_secs(80);
const CALLERS: usize = 10_000;

/// The way to a server, on which requests are counted.
#[derive(Default)]
struct Connection {
    begun: AtomicUsize,
    ended: AtomicUsize,
    is_down: AtomicBool,
}

impl Connection {
    /// Returns an HTTP client that uses this connection.
    fn client(
        self: Arc<Self>,
    ) -> impl Service<
        Request<Full<Bytes>>,
        Response = Response<Incoming>,
        Error = Error,
        Future: Send + 'static,
    > + Clone
    + Send
    + Sync
    + 'static {
        let http = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        service_fn(move |mut request: Request<Full<Bytes>>| {
            let (http, connection) = (http.clone(), Arc::clone(&self));
            async move {
                connection.begun.fetch_add(1, Ordering::SeqCst);
                if connection.is_down.load(Ordering::SeqCst) {
                    // Nothing listens there.
                    *request.uri_mut() = Uri::from_static("http://127.0.0.1:1/");
                }
                let response = http.request(request).await;
                connection.ended.fetch_add(1, Ordering::SeqCst);
                response
            }
        })
    }

    fn requests(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Waits until the requests have ended, and what they brought is stored.
    async fn settle(&self) {
        let begun = now();
        while self.ended.load(Ordering::SeqCst) < self.requests() {
            assert!(begun.elapsed() < PATIENCE, "the requests do not end");
            yield_now().await;
        }
        for _ in 0..20 {
            yield_now().await;
        }
    }
}

/// The different values of `Authorization` that have arrived, and the different errors.
type Outcomes = BTreeSet<Result<String, String>>;

/// A running token endpoint, and the tokens of one client.
struct Endpoint {
    tokens: Tokens,
    connection: Arc<Connection>,
    _program: Box<dyn Send>,
}

impl Endpoint {
    fn of_server() -> Self {
        let home = Home::new();
        let server = Server::start(&home, &[]);
        let key = server.create_key(&home, "calls:read");
        let url = format!("{}/oauth/token", server.url());
        let tokens = Tokens::oauth(&url, Credentials::client_secret(&key.id, &key.secret));
        Self::new(tokens, Box::new((server, home)))
    }

    fn of_external_provider() -> Self {
        let provider = Provider::start();
        let url = format!("{}/token", provider.url);
        let tokens = Tokens::oauth(&url, Credentials::client_secret("worker", "worker-secret"))
            .request(TokenRequest::scopes(["calls:read"]).resource(API));
        Self::new(tokens, Box::new(provider))
    }

    fn new(tokens: TokensBuilder, program: Box<dyn Send>) -> Self {
        let connection = Arc::<Connection>::default();
        let client = Arc::clone(&connection).client();
        Self {
            tokens: tokens.build_with(client).unwrap(),
            connection,
            _program: program,
        }
    }

    /// Sends requests at the same time through the layer to an API in this process.
    async fn send(&self, requests: usize) -> Outcomes {
        let api = service_fn(|request: Request<Full<Bytes>>| async move {
            let token = request.headers().get(AUTHORIZATION).cloned();
            Ok::<_, Infallible>(Response::new(token))
        });
        let layer = BearerLayer::new(self.tokens.clone(), ["https://api.example"]).unwrap();
        let client = layer.layer(api);
        let send = || {
            let request = Request::get("https://api.example/calls").body(Full::default());
            tokio::spawn(client.clone().oneshot(request.unwrap()))
        };
        let sent: Vec<_> = (0..requests).map(|_| send()).collect();
        let mut outcomes = Outcomes::new();
        for request in sent {
            let token = request.await.unwrap().map(|response| {
                let token = response.into_body().expect("the layer adds a token");
                token.to_str().unwrap().to_owned()
            });
            outcomes.insert(token.map_err(|error| error.to_string()));
        }
        outcomes
    }
}

/// Returns the one token with which all requests have arrived.
#[track_caller]
fn one_token(outcomes: &Outcomes) -> &str {
    match outcomes.first() {
        Some(Ok(token)) if outcomes.len() == 1 => token,
        _ => panic!("{} outcomes, such as {:?}", outcomes.len(), outcomes.last()),
    }
}

/// Moves the clock of the client. Real time goes on afterwards.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn ten_thousand_concurrent_requests_make_one_request_to_the_server() {
    check_expiry(&Endpoint::of_server()).await;
}

#[tokio::test]
async fn ten_thousand_concurrent_requests_make_one_request_to_an_external_provider() {
    check_expiry(&Endpoint::of_external_provider()).await;
}

/// The first requests, and those after the expiry of the token.
async fn check_expiry(endpoint: &Endpoint) {
    let first = endpoint.send(CALLERS).await;
    assert_eq!(endpoint.connection.requests(), 1);
    pass(LIFETIME).await;
    let second = endpoint.send(CALLERS).await;
    assert_eq!(endpoint.connection.requests(), 2);
    assert_ne!(one_token(&first), one_token(&second));
}

#[tokio::test]
async fn request_is_sent_twice_if_another_service_rejects_all_tokens_of_the_server() {
    check_retry(&Endpoint::of_server()).await;
}

#[tokio::test]
async fn request_is_sent_twice_if_another_service_rejects_all_tokens_of_an_external_provider() {
    check_retry(&Endpoint::of_external_provider()).await;
}

async fn check_retry(endpoint: &Endpoint) {
    // It trusts neither of the issuers.
    let home = Home::new();
    let api = Server::start(&home, &[]);
    let connection = Arc::<Connection>::default();
    let layer = BearerLayer::new(endpoint.tokens.clone(), [api.url().as_str()]).unwrap();
    let client = layer.layer(Arc::clone(&connection).client());
    let send = async || {
        let request = Request::get(format!("{}/whoami", api.url())).body(Full::default());
        let response = client.clone().oneshot(request.unwrap()).await;
        response.unwrap().status()
    };
    assert_eq!(send().await, StatusCode::UNAUTHORIZED);
    assert_eq!(connection.requests(), 2);
    assert_eq!(endpoint.connection.requests(), 2);
    // Another token was requested a moment ago, so that these are sent once each.
    for _ in 0..20 {
        assert_eq!(send().await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(connection.requests(), 22);
    assert_eq!(endpoint.connection.requests(), 2);
}

#[tokio::test]
async fn outage_of_the_server_costs_no_request_while_the_token_is_valid_and_no_storm_follows() {
    check_outage(&Endpoint::of_server()).await;
}

#[tokio::test]
async fn outage_of_an_external_provider_costs_no_request_while_the_token_is_valid_and_no_storm_follows()
 {
    check_outage(&Endpoint::of_external_provider()).await;
}

async fn check_outage(endpoint: &Endpoint) {
    let connection = &endpoint.connection;
    let first = endpoint.send(1).await;
    // Every token is renewed after 90 % of its lifetime at the latest.
    pass(LIFETIME * 9 / 10).await;

    connection.set_down(true);
    let before = connection.requests();
    for _ in 0..60 {
        assert_eq!(endpoint.send(10).await, first);
        connection.settle().await;
        pass(Duration::from_secs(1)).await;
    }
    // After 1, 2, 4, 8, 16 and 32 s, with random parts.
    let attempts = connection.requests() - before;
    assert!((4..=7).contains(&attempts), "{attempts} attempts in 60 s");

    connection.set_down(false);
    pass(LONGEST_WAIT).await;
    let before = connection.requests();
    // Some of them may have the new token already.
    let outcomes = endpoint.send(CALLERS).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let renewed = wait_for_another_token(endpoint, &first).await;
    assert_eq!(endpoint.send(CALLERS).await, renewed);
    assert_eq!(connection.requests(), before + 1);

    // The token expires during the outage: the endpoint is asked at growing intervals of real time, and not by each request.
    connection.set_down(true);
    pass(LIFETIME).await;
    let before = connection.requests();
    for _ in 0..2 {
        let outcomes = endpoint.send(CALLERS).await;
        assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    }
    let attempts = connection.requests() - before;
    assert!((1..=7).contains(&attempts), "{attempts} attempts");
    connection.set_down(false);
    pass(LONGEST_WAIT).await;
    let before = connection.requests();
    let recovered = endpoint.send(CALLERS).await;
    assert_ne!(one_token(&recovered), one_token(&renewed));
    assert_eq!(connection.requests(), before + 1);
}

/// Waits until the token was renewed in the background.
async fn wait_for_another_token(endpoint: &Endpoint, old: &Outcomes) -> Outcomes {
    let begun = now();
    loop {
        let outcomes = endpoint.send(1).await;
        if outcomes != *old {
            return outcomes;
        }
        assert!(begun.elapsed() < PATIENCE, "the token is not renewed");
    }
}
