//! The client layer for outbound requests, against the server and against an external provider.

use bytes::Bytes;
use countersign_client::{BearerLayer, Credentials, TokenRequest, Tokens, TokensBuilder};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _};

use crate::harness::{Home, IssuedKey, Server, basic};
use crate::issuer_by_url::{API, Provider, Service};

/// Sends a GET through the layer, and returns the status and the JSON of the response.
async fn get(tokens: &Tokens, server: &Server, path: &str) -> (StatusCode, Value) {
    let layer = BearerLayer::new(tokens.clone(), [server.url().as_str()]).unwrap();
    let http = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::get(format!("{}{path}", server.url()))
        .body(Full::default())
        .unwrap();
    let response = layer.layer(http).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        head.status,
        serde_json::from_slice(&body).unwrap_or_default(),
    )
}

fn builders(server: &Server, key: &IssuedKey) -> Vec<TokensBuilder> {
    let at = |path: &str| format!("{}{path}", server.url());
    let pair = || Credentials::client_secret(&key.id, &key.secret);
    let whole = || Credentials::api_key(&key.key);
    vec![
        Tokens::discover(&server.url(), pair()),
        Tokens::oauth(&at("/oauth/token"), pair()).client_secret_post(),
        Tokens::oauth(&at("/oauth/token"), whole()),
        Tokens::envelope(&at("/auth/token"), whole()),
        Tokens::envelope(&at("/auth/token"), pair()),
        Tokens::scoped(&at("/v1/auth/token"), whole())
            .request(TokenRequest::scopes(["calls:read"])),
        Tokens::managed(&at("/api/v1/api_token"), whole()),
        Tokens::key_secret(&at("/generate-token"), pair()),
        Tokens::session(&at("/auth/login"), whole()),
        Tokens::session(&at("/auth/login"), pair()),
    ]
}

#[tokio::test]
async fn tokens_of_all_six_formats_are_accepted_and_a_wrong_secret_gets_none() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read api_token:write");
    for builder in builders(&server, &key) {
        let shown = format!("{builder:?}");
        assert!(!shown.contains(&key.secret), "{shown}");
        let tokens = builder.build().unwrap();
        let (status, body) = get(&tokens, &server, "/whoami").await;
        assert_eq!(
            (status, &body["scheme"]),
            (StatusCode::OK, &json!("bearer")),
            "{shown}"
        );
    }
    let wrong = Credentials::client_secret(&key.id, "wrong");
    let tokens = Tokens::discover(&server.url(), wrong).build().unwrap();
    let error = tokens.get().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("401 Unauthorized (invalid_client)"),
        "{error}"
    );
}

#[tokio::test]
async fn request_whose_token_was_revoked_is_repeated_with_a_new_one() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read");
    let pair = Credentials::client_secret(&key.id, &key.secret);
    let tokens = Tokens::discover(&server.url(), pair).build().unwrap();
    let revoke = |token: &str| {
        let form = format!("token={}", token.trim_start_matches("Bearer "));
        server
            .post("/oauth/revoke", &[basic(&key.id, &key.secret)], &form)
            .status
    };

    let first = tokens.get().await.unwrap();
    assert_eq!(revoke(first.authorization().to_str().unwrap()), 200);
    assert_eq!(get(&tokens, &server, "/whoami").await.0, StatusCode::OK);
    assert_ne!(tokens.get().await.unwrap(), first);

    // A session returns the revoked token until its session ends, so another session is requested.
    let session = Tokens::session(
        &format!("{}/auth/login", server.url()),
        Credentials::api_key(&key.key),
    );
    let session = session.build().unwrap();
    let first = session.get().await.unwrap();
    assert_eq!(revoke(first.authorization().to_str().unwrap()), 200);
    assert_eq!(get(&session, &server, "/whoami").await.0, StatusCode::OK);
    assert_ne!(session.get().await.unwrap(), first);
}

#[tokio::test]
async fn token_of_an_external_provider_is_accepted_by_a_service_that_trusts_it() {
    let provider = Provider::start();
    let credentials = Credentials::client_secret("worker", "worker-secret");
    let tokens = Tokens::discover(&provider.url, credentials)
        .request(TokenRequest::scopes(["calls:read"]).resource(API))
        .build()
        .unwrap();
    let token = tokens.get().await.unwrap();
    let token = token.authorization().to_str().unwrap();
    let token = token.trim_start_matches("Bearer ").to_owned();
    let accepted =
        tokio::task::spawn_blocking(move || Service::trusting(&provider.url, API).send(&token));
    assert_eq!(
        accepted.await.unwrap(),
        (StatusCode::OK, "worker calls:read".to_owned())
    );
}
