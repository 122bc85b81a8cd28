//! Requests to the token endpoint: one at a time, renewal before expiry, waiting after failures.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign_client::testing::{FakeServer, status_response, token_response};
use countersign_client::{
    BuildError, Credentials, OriginError, TokenErrorKind, TokenRequest, Tokens,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::time::advance;

const URL: &str = "https://auth.example/oauth/token";

fn credentials() -> Credentials {
    Credentials::client_secret("reports", "s3cret")
}

fn tokens(server: &FakeServer) -> Tokens {
    Tokens::oauth(URL, credentials())
        .build_with(server.clone())
        .unwrap()
}

fn numbered(expires_in: u64) -> FakeServer {
    FakeServer::new(move |number, _| token_response(&format!("token-{number}"), expires_in))
}

/// Lets the tasks that renew tokens run.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

async fn text(tokens: &Tokens) -> String {
    let token = tokens.get().await.unwrap();
    token.authorization().to_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_concurrent_requests_request_one_token_also_at_expiry() {
    let server = numbered(3600);
    let tokens = tokens(&server);
    for number in 1..=2 {
        let get = |tokens: Tokens| async move { tokens.get().await.unwrap() };
        let requests: Vec<_> = (0..10_000)
            .map(|_| tokio::spawn(get(tokens.clone())))
            .collect();
        let expected = format!("Bearer token-{number}");
        for request in requests {
            assert_eq!(request.await.unwrap().authorization(), &*expected);
        }
        assert_eq!(server.requests(), number);
        advance(Duration::from_secs(3600)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn token_is_renewed_in_the_background_before_it_expires() {
    let server = numbered(1000);
    let tokens = tokens(&server);
    assert_eq!(text(&tokens).await, "Bearer token-1");
    advance(Duration::from_secs(740)).await;
    assert_eq!(text(&tokens).await, "Bearer token-1");
    settle().await;
    assert_eq!(server.requests(), 1);

    advance(Duration::from_secs(170)).await;
    assert_eq!(text(&tokens).await, "Bearer token-1"); // did not wait
    settle().await;
    assert_eq!(text(&tokens).await, "Bearer token-2");
    assert_eq!(server.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_is_down_costs_no_request_while_the_token_is_valid_and_is_not_flooded_afterwards()
 {
    let down = Arc::new(Mutex::new(false));
    let is_down = down.clone();
    let server = FakeServer::new(move |number, _| match *is_down.lock().unwrap() {
        true => status_response(503, &[]),
        false => token_response(&format!("token-{number}"), 1000),
    });
    let tokens = tokens(&server);
    assert_eq!(text(&tokens).await, "Bearer token-1");
    *down.lock().unwrap() = true;

    advance(Duration::from_secs(920)).await;
    for _ in 0..60 {
        assert_eq!(text(&tokens).await, "Bearer token-1");
        settle().await;
        advance(Duration::from_secs(1)).await;
    }
    // 60 s of failures at 1, 2, 4, 8, 16 and 32 s, plus random parts.
    let while_valid = server.requests() - 1;
    assert!((4..=7).contains(&while_valid), "{while_valid}");

    advance(Duration::from_secs(20)).await;
    let before = server.requests();
    for _ in 0..1000 {
        let error = tokens.get().await.unwrap_err();
        assert_eq!(
            *error.kind(),
            TokenErrorKind::Unavailable(StatusCode::SERVICE_UNAVAILABLE)
        );
    }
    assert!(server.requests() <= before + 1);

    *down.lock().unwrap() = false;
    advance(Duration::from_secs(80)).await;
    assert!(text(&tokens).await.starts_with("Bearer token-"));
}

/// A response of the format `key_secret`, whose expiry was an hour ago for a client without a `Date` to compare with.
fn expired_at_absolute_time() -> Response<Full<Bytes>> {
    let body = r#"{"token":"t","expiresAt":"2020-01-01T00:00:00.000Z"}"#;
    Response::new(Full::from(body))
}

#[tokio::test(start_paused = true)]
async fn token_that_is_unusable_already_is_an_error_and_the_endpoint_is_not_flooded() {
    let answers: [fn() -> Response<Full<Bytes>>; 3] = [
        || token_response("t", 0),
        || token_response("t", 1),
        expired_at_absolute_time,
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let server = FakeServer::new(move |_, _| answer());
        let builder = match number {
            2 => Tokens::key_secret(URL, credentials()),
            _ => Tokens::oauth(URL, credentials()),
        };
        let tokens = builder.build_with(server.clone()).unwrap();
        let mut waits = Vec::new();
        for attempt in 1..=8 {
            for _ in 0..100 {
                let error = tokens.get().await.unwrap_err();
                assert_eq!(*error.kind(), TokenErrorKind::Expired, "{error}");
                waits.push(error.retry_after());
            }
            assert_eq!(server.requests(), attempt, "answer {number}");
            advance(*waits.last().unwrap()).await;
        }
        assert!(waits[0] >= Duration::from_secs(1), "{waits:?}");
        assert!(
            *waits.last().unwrap() >= Duration::from_secs(60),
            "{waits:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn renewal_that_brings_an_unusable_token_leaves_the_present_one_in_use() {
    let server = FakeServer::new(|number, _| match number {
        1 => token_response("token-1", 1000),
        2..=3 => token_response("expired", 0),
        _ => token_response("token-4", 1000),
    });
    let tokens = tokens(&server);
    assert_eq!(text(&tokens).await, "Bearer token-1");
    advance(Duration::from_secs(920)).await;
    for expected in ["token-1", "token-1", "token-1", "token-4"] {
        assert_eq!(text(&tokens).await, format!("Bearer {expected}"));
        settle().await;
        advance(Duration::from_secs(4)).await;
    }
    assert_eq!(server.requests(), 4);
}

#[tokio::test(start_paused = true)]
async fn request_for_a_token_that_panics_counts_as_failed() {
    let requests = Arc::new(Mutex::new(0));
    let count = requests.clone();
    let broken = FakeServer::new(move |_, _| {
        *count.lock().unwrap() += 1;
        panic!("the HTTP client is broken")
    });
    let tokens = tokens(&broken);
    for _ in 0..100 {
        let error = tokens.get().await.unwrap_err();
        assert_eq!(*error.kind(), TokenErrorKind::Transport);
    }
    assert_eq!(*requests.lock().unwrap(), 1);
}

#[test]
fn runtime_that_shuts_down_does_not_block_a_request_for_a_token() {
    let tokens = tokens(&numbered(3600));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        /// Requests a token when the runtime drops its tasks.
        struct OnDrop(Tokens, std::sync::mpsc::Sender<bool>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                let mut get = std::pin::pin!(self.0.get());
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                let is_error = matches!(
                    get.as_mut().poll(&mut context),
                    std::task::Poll::Ready(Err(_))
                );
                self.1.send(is_error).unwrap();
            }
        }
        let _on_drop = OnDrop(tokens, sender);
        std::future::pending::<()>().await;
    });
    runtime.block_on(tokio::task::yield_now());
    drop(runtime);
    assert!(receiver.recv().unwrap());
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    for header in ["120", "Sun, 06 Nov 1994 08:51:37 GMT"] {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let server =
            FakeServer::new(move |_, _| status_response(429, &[("retry-after", header), date]));
        let tokens = tokens(&server);
        let error = tokens.get().await.unwrap_err();
        assert_eq!(error.retry_after(), Duration::from_secs(120), "{header}");
        advance(Duration::from_secs(119)).await;
        tokens.get().await.unwrap_err();
        assert_eq!(server.requests(), 1, "{header}");
        advance(Duration::from_secs(2)).await;
        tokens.get().await.unwrap_err();
        assert_eq!(server.requests(), 2, "{header}");
    }
}

#[tokio::test(start_paused = true)]
async fn caller_that_is_dropped_does_not_end_the_request_for_the_others() {
    let server = numbered(3600);
    let tokens = tokens(&server);
    {
        let mut dropped = std::pin::pin!(tokens.get());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(dropped.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(text(&tokens).await, "Bearer token-1");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn errors_say_what_the_endpoint_answered() {
    let rejected = |code: Option<&str>| TokenErrorKind::Rejected {
        status: StatusCode::UNAUTHORIZED,
        code: code.map(str::to_owned),
    };
    let body = |status: u16, body: &'static str| {
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    };
    type Case = (Response<Full<Bytes>>, TokenErrorKind);
    let cases: Vec<Case> = vec![
        (
            body(401, r#"{"error":"invalid_client"}"#),
            rejected(Some("invalid_client")),
        ),
        (body(401, ""), rejected(None)),
        (body(302, ""), TokenErrorKind::Redirect),
        (
            body(500, ""),
            TokenErrorKind::Unavailable(StatusCode::INTERNAL_SERVER_ERROR),
        ),
        (body(200, "{}"), TokenErrorKind::Malformed),
        (token_response("two words", 60), TokenErrorKind::Malformed),
    ];
    for (response, kind) in cases {
        let response = Mutex::new(Some(response));
        let server = FakeServer::new(move |_, _| response.lock().unwrap().take().unwrap());
        let error = tokens(&server).get().await.unwrap_err();
        assert_eq!(*error.kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_does_not_answer_is_given_up_after_the_time_limit() {
    let never = tower::service_fn(|_: Request<Full<Bytes>>| {
        std::future::pending::<Result<Response<Full<Bytes>>, std::io::Error>>()
    });
    let tokens = Tokens::oauth(URL, credentials())
        .timeout(Duration::from_secs(3))
        .build_with(never)
        .unwrap();
    let error = tokens.get().await.unwrap_err();
    assert_eq!(*error.kind(), TokenErrorKind::Timeout);
}

#[test]
fn configuration_that_would_expose_the_secret_or_cannot_work_is_rejected() {
    let server = numbered(60);
    let build = |builder: countersign_client::TokensBuilder| {
        builder.build_with(server.clone()).unwrap_err()
    };
    let key = || Credentials::api_key("cs_key");
    let plain = Tokens::oauth("http://auth.example/token", credentials());
    assert_eq!(build(plain), BuildError::Url(OriginError::PlainHttp));
    assert!(matches!(
        build(Tokens::oauth("auth.example", key())),
        BuildError::Url(OriginError::Url(_))
    ));
    assert_eq!(
        build(Tokens::key_secret(URL, key())),
        BuildError::Credentials
    );
    assert_eq!(
        build(Tokens::scoped(URL, credentials())),
        BuildError::Credentials
    );
    assert_eq!(
        build(Tokens::oauth(URL, Credentials::password("ada", "pw"))),
        BuildError::Credentials
    );
    assert_eq!(build(Tokens::scoped(URL, key())), BuildError::Request);
    let scopes = TokenRequest::scopes(["calls:read"]);
    assert_eq!(
        build(Tokens::session(URL, key()).request(scopes)),
        BuildError::Request
    );
}

#[tokio::test(start_paused = true)]
async fn secrets_and_tokens_are_in_no_debug_output_and_no_error() {
    let server = FakeServer::new(|_, _| status_response(401, &[]));
    let tokens = tokens(&server);
    let error = tokens.get().await.unwrap_err();
    let shown = format!("{:?} {tokens:?} {error:?} {error}", credentials());
    assert!(!shown.contains("s3cret"), "{shown}");
}

async fn seen_by(
    builder: impl FnOnce(Credentials) -> countersign_client::TokensBuilder,
    credentials: Credentials,
) -> (http::HeaderMap, String) {
    let seen = Arc::new(Mutex::new(None));
    let store = seen.clone();
    let server = FakeServer::new(move |_, request| {
        *store.lock().unwrap() = Some(request);
        status_response(401, &[])
    });
    let tokens = builder(credentials).build_with(server).unwrap();
    tokens.get().await.unwrap_err();
    let request = seen.lock().unwrap().take().unwrap();
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_format_sends_the_credentials_where_its_endpoint_reads_them() {
    let pair = || Credentials::client_secret("a b", "c:d");
    let key = || Credentials::api_key("cs_key");
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();

    let (headers, body) = seen_by(|c| Tokens::oauth(URL, c), pair()).await;
    assert_eq!(headers["authorization"], "Basic YSUyMGI6YyUzQWQ="); // a%20b:c%3Ad
    assert_eq!(body, "grant_type=client_credentials");
    let (headers, body) = seen_by(|c| Tokens::oauth(URL, c).client_secret_post(), pair()).await;
    assert!(!headers.contains_key("authorization"));
    assert_eq!(
        body,
        "client_id=a%20b&client_secret=c%3Ad&grant_type=client_credentials"
    );
    let wanted = TokenRequest::scopes(["a", "b"]).resource("https://api.example");
    let (_, body) = seen_by(|c| Tokens::oauth(URL, c).request(wanted), pair()).await;
    assert_eq!(
        body,
        "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example&scope=a%20b"
    );
    let (headers, _) = seen_by(|c| Tokens::oauth(URL, c), key()).await;
    assert_eq!(headers["x-api-key"], "cs_key");

    let (headers, body) = seen_by(
        |c| Tokens::envelope(URL, c),
        Credentials::password("ada", "pw"),
    )
    .await;
    assert_eq!(
        (&headers["authorization"], body.as_str()),
        (&http::HeaderValue::from_static("Basic YWRhOnB3"), "{}")
    );
    let scopes = TokenRequest::scopes(["a", "b"]);
    let (headers, body) = seen_by(|c| Tokens::scoped(URL, c).request(scopes), key()).await;
    assert_eq!(
        (headers["x-api-key"].to_str().unwrap(), json(&body)),
        ("cs_key", json(r#"{"scope":["a","b"]}"#))
    );
    let (_, body) = seen_by(|c| Tokens::managed(URL, c), key()).await;
    assert_eq!(json(&body), json(r#"{"token_scope":"account"}"#));
    let (_, body) = seen_by(|c| Tokens::key_secret(URL, c), pair()).await;
    assert_eq!(json(&body), json(r#"{"keyId":"a b","secret":"c:d"}"#));
    for (credentials, expected) in [
        (key(), r#"{"api_key":"cs_key"}"#),
        (pair(), r#"{"client_id":"a b","client_secret":"c:d"}"#),
        (
            Credentials::password("ada", "pw"),
            r#"{"username":"ada","password":"pw"}"#,
        ),
    ] {
        let (headers, body) = seen_by(|c| Tokens::session(URL, c), credentials).await;
        assert!(!headers.contains_key("authorization"));
        assert_eq!(json(&body), json(expected));
    }
}
