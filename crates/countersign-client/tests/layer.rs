//! The layer: which requests get a token, and which are repeated.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign_client::testing::{FakeServer, status_response, token_response};
use countersign_client::{BearerLayer, Credentials, OriginError, TokenError, TokenRequest, Tokens};
use http::{Request, StatusCode};
use http_body_util::Full;
use tower::{Layer as _, Service, ServiceExt as _};
use tower_http::follow_redirect::FollowRedirectLayer;

type HttpRequest = Request<Full<Bytes>>;

fn endpoint() -> FakeServer {
    FakeServer::new(|number, _| token_response(&format!("token-{number}"), 3600))
}

fn tokens(endpoint: &FakeServer) -> Tokens {
    let credentials = Credentials::client_secret("reports", "s3cret");
    let builder = Tokens::oauth("https://auth.example/oauth/token", credentials);
    builder.build_with(endpoint.clone()).unwrap()
}

fn get(url: &str) -> HttpRequest {
    Request::get(url).body(Full::default()).unwrap()
}

/// An API that rejects the tokens in `rejected`, and records the `Authorization` of each request.
fn api(
    rejected: &'static [&'static str],
    challenge: &'static str,
) -> (FakeServer, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let store = seen.clone();
    let api = FakeServer::new(move |_, request| {
        let header = request.headers().get("authorization");
        let token = header
            .map_or("none", |value| value.to_str().unwrap())
            .trim_start_matches("Bearer ");
        store.lock().unwrap().push(token.to_owned());
        match rejected.contains(&token) {
            true => status_response(401, &[("www-authenticate", challenge)]),
            false => status_response(200, &[]),
        }
    });
    (api, seen)
}

async fn send(
    client: impl Service<
        HttpRequest,
        Response = http::Response<Full<Bytes>>,
        Error = countersign_client::BoxError,
    >,
    request: HttpRequest,
) -> StatusCode {
    client.oneshot(request).await.unwrap().status()
}

/// Lets the tasks that request tokens run.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn only_requests_to_configured_origins_get_a_token() {
    let (api, seen) = api(&[], "");
    let layer = BearerLayer::new(tokens(&endpoint()), ["https://api.example"]).unwrap();
    let client = layer.layer(api);
    for url in [
        "https://api.example/calls",
        "https://API.example:443/",
        "http://api.example/calls",
        "https://api.example:8443/calls",
        "https://evil.example/?https://api.example",
        "/calls",
    ] {
        send(client.clone(), get(url)).await;
    }
    assert_eq!(
        *seen.lock().unwrap(),
        ["token-1", "token-1", "none", "none", "none", "none"]
    );
}

#[tokio::test(start_paused = true)]
async fn client_that_is_connected_to_one_server_sends_tokens_with_relative_targets() {
    let (api, seen) = api(&[], "");
    let layer = BearerLayer::connected_to(tokens(&endpoint()), "https://api.example").unwrap();
    send(layer.layer(api), get("/package.Service/Method")).await;
    assert_eq!(*seen.lock().unwrap(), ["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn authorization_of_the_caller_is_not_replaced_and_its_401_is_not_repeated() {
    let (api, seen) = api(&["mine"], "Bearer error=\"invalid_token\"");
    let endpoint = endpoint();
    let client = BearerLayer::new(tokens(&endpoint), ["https://api.example"])
        .unwrap()
        .layer(api);
    let mut request = get("https://api.example/");
    request
        .headers_mut()
        .insert("authorization", "Bearer mine".parse().unwrap());
    assert_eq!(send(client, request).await, StatusCode::UNAUTHORIZED);
    assert_eq!(*seen.lock().unwrap(), ["mine"]);
    assert_eq!(endpoint.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn request_whose_token_was_rejected_is_repeated_once_with_another_token() {
    for challenge in [
        "Bearer realm=\"a\", error=\"invalid_token\"",
        "Bearer realm=\"a\"",
        "Basic realm=\"a\"",
    ] {
        let (api, seen) = api(&["token-1"], challenge);
        let client = BearerLayer::new(tokens(&endpoint()), ["https://api.example"])
            .unwrap()
            .layer(api);
        assert_eq!(
            send(client, get("https://api.example/")).await,
            StatusCode::OK
        );
        assert_eq!(*seen.lock().unwrap(), ["token-1", "token-2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn server_that_rejects_every_token_gets_two_requests_and_the_endpoint_is_not_flooded() {
    let (api, seen) = api(&["token-1", "token-2", "token-3"], "Bearer");
    let endpoint = endpoint();
    let client = BearerLayer::new(tokens(&endpoint), ["https://api.example"])
        .unwrap()
        .layer(api);
    assert_eq!(
        send(client.clone(), get("https://api.example/")).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(*seen.lock().unwrap(), ["token-1", "token-2"]);
    for _ in 0..100 {
        send(client.clone(), get("https://api.example/")).await;
    }
    assert_eq!(endpoint.requests(), 2);
    tokio::time::advance(Duration::from_secs(6)).await;
    send(client, get("https://api.example/")).await;
    assert_eq!(endpoint.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn request_is_not_repeated_if_the_challenge_names_another_error() {
    let (api, seen) = api(&["token-1"], "Bearer error=\"insufficient_scope\"");
    let client = BearerLayer::new(tokens(&endpoint()), ["https://api.example"])
        .unwrap()
        .layer(api);
    assert_eq!(
        send(client, get("https://api.example/")).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(*seen.lock().unwrap(), ["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn request_is_not_repeated_if_the_endpoint_returns_the_same_token() {
    let (api, seen) = api(&["same"], "Bearer error=\"invalid_token\"");
    let endpoint = FakeServer::new(|_, _| token_response("same", 3600));
    let client = BearerLayer::new(tokens(&endpoint), ["https://api.example"])
        .unwrap()
        .layer(api);
    assert_eq!(
        send(client, get("https://api.example/")).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(*seen.lock().unwrap(), ["same"]);
    assert_eq!(endpoint.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn session_that_returns_the_rejected_token_is_replaced_by_another_session() {
    let (api, seen) = api(&["first"], "Bearer error=\"invalid_token\"");
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let store = bodies.clone();
    let endpoint = FakeServer::new(move |number, request| {
        store
            .lock()
            .unwrap()
            .push(format!("{:?}", request.into_body()));
        token_response(if number < 3 { "first" } else { "second" }, 7200)
    });
    let tokens = Tokens::session(
        "https://auth.example/auth/login",
        Credentials::api_key("cs_key"),
    );
    let tokens = tokens.build_with(endpoint.clone()).unwrap();
    let client = BearerLayer::new(tokens, ["https://api.example"])
        .unwrap()
        .layer(api);
    assert_eq!(
        send(client, get("https://api.example/")).await,
        StatusCode::OK
    );
    assert_eq!(*seen.lock().unwrap(), ["first", "second"]);
    let bodies = bodies.lock().unwrap();
    let with_session: Vec<_> = bodies
        .iter()
        .map(|body| body.contains("session_id"))
        .collect();
    assert_eq!(with_session, [false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn body_is_repeated_only_if_it_can_be_copied() {
    let post = || {
        Request::post("https://api.example/")
            .body(Full::from("data"))
            .unwrap()
    };
    let (first, seen) = api(&["token-1"], "Bearer");
    let layer = BearerLayer::new(tokens(&endpoint()), ["https://api.example"]).unwrap();
    assert_eq!(
        send(layer.layer(first), post()).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(*seen.lock().unwrap(), ["token-1"]);
    // Another token was requested for the next request.
    settle().await;
    let (accepting, seen) = api(&["token-1"], "Bearer");
    assert_eq!(send(layer.layer(accepting), post()).await, StatusCode::OK);
    assert_eq!(*seen.lock().unwrap(), ["token-2"]);

    let (second, seen) = api(&["token-1"], "Bearer");
    let layer = BearerLayer::new(tokens(&endpoint()), ["https://api.example"]).unwrap();
    let layer = layer.replay(|body: &Full<Bytes>| Some(body.clone()));
    assert_eq!(send(layer.layer(second), post()).await, StatusCode::OK);
    assert_eq!(*seen.lock().unwrap(), ["token-1", "token-2"]);
}

#[tokio::test(start_paused = true)]
async fn grpc_call_whose_token_was_rejected_fails_and_the_next_one_has_another_token() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let store = seen.clone();
    let service = FakeServer::new(move |_, request| {
        let token = request.headers()["authorization"]
            .to_str()
            .unwrap()
            .to_owned();
        let status = if token == "Bearer token-1" { "16" } else { "0" };
        store.lock().unwrap().push(token);
        status_response(
            200,
            &[
                ("content-type", "application/grpc"),
                ("grpc-status", status),
            ],
        )
    });
    let layer = BearerLayer::connected_to(tokens(&endpoint()), "https://api.example").unwrap();
    let client = layer.layer(service);
    let call = || {
        Request::post("/calls.v1.Calls/List")
            .body(Full::from("message"))
            .unwrap()
    };
    let rejected = client.clone().oneshot(call()).await.unwrap();
    assert_eq!(rejected.headers()["grpc-status"], "16");
    settle().await;
    let accepted = client.oneshot(call()).await.unwrap();
    assert_eq!(accepted.headers()["grpc-status"], "0");
    assert_eq!(*seen.lock().unwrap(), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test(start_paused = true)]
async fn redirect_to_another_origin_is_followed_without_the_token() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let store = seen.clone();
    let servers = FakeServer::new(move |_, request| {
        let has_token = request.headers().contains_key("authorization");
        store
            .lock()
            .unwrap()
            .push((request.uri().to_string(), has_token));
        match request.uri().host() {
            Some("api.example") => {
                status_response(302, &[("location", "https://evil.example/calls")])
            }
            _ => status_response(200, &[]),
        }
    });
    let layer = BearerLayer::new(tokens(&endpoint()), ["https://api.example"]).unwrap();
    let client = FollowRedirectLayer::new().layer(layer.layer(servers));
    let response = client
        .oneshot(get("https://api.example/calls"))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let expected = [
        ("https://api.example/calls".to_owned(), true),
        ("https://evil.example/calls".to_owned(), false),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn scopes_and_resource_of_one_request_get_a_token_of_their_own() {
    let (api, seen) = api(&[], "");
    let client = BearerLayer::new(tokens(&endpoint()), ["https://api.example"])
        .unwrap()
        .layer(api);
    send(client.clone(), get("https://api.example/")).await;
    let scopes = || TokenRequest::scopes(["wallet:read"]);
    for wanted in [
        scopes(),
        scopes().resource("https://wallet.example"),
        scopes(),
    ] {
        let mut request = get("https://api.example/");
        request.extensions_mut().insert(wanted);
        send(client.clone(), request).await;
    }
    send(client, get("https://api.example/")).await;
    assert_eq!(
        *seen.lock().unwrap(),
        ["token-1", "token-2", "token-3", "token-2", "token-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn request_is_not_sent_if_there_is_no_token() {
    let (api, seen) = api(&[], "");
    let endpoint = FakeServer::new(|_, _| status_response(503, &[]));
    let client = BearerLayer::new(tokens(&endpoint), ["https://api.example"])
        .unwrap()
        .layer(api);
    let error = client
        .oneshot(get("https://api.example/"))
        .await
        .unwrap_err();
    assert!(error.is::<TokenError>());
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn origin_over_plain_http_is_rejected() {
    let error = BearerLayer::new(tokens(&endpoint()), ["http://api.example"]).unwrap_err();
    assert_eq!(error, OriginError::PlainHttp);
}
