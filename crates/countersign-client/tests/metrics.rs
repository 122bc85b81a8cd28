//! The counters of requests for tokens and of repeated requests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;
use countersign_client::testing::{FakeServer, status_response, token_response};
use countersign_client::{BearerLayer, Credentials, Tokens};
use http::Request;
use http_body_util::Full;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower::{Layer as _, ServiceExt as _};

/// Runs a future with a recorder, and returns the counters as `name{labels}` with their values.
fn counted(run: impl Future<Output = ()>) -> Vec<(String, u64)> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(run));
    let counters = snapshotter.snapshot().into_vec().into_iter();
    let mut counters: Vec<(String, u64)> = counters
        .map(|(key, _, _, value)| {
            let labels = key.key().labels();
            let labels: Vec<_> = labels
                .map(|label| format!("{}={}", label.key(), label.value()))
                .collect();
            let DebugValue::Counter(count) = value else {
                panic!("not a counter: {labels:?}");
            };
            (
                format!("{}{{{}}}", key.key().name(), labels.join(" ")),
                count,
            )
        })
        .collect();
    counters.sort();
    counters
}

fn tokens(endpoint: FakeServer) -> Tokens {
    let credentials = Credentials::client_secret("reports", "s3cret");
    let builder = Tokens::oauth("https://auth.example/oauth/token", credentials);
    builder.build_with(endpoint).unwrap()
}

#[test]
fn issued_tokens_and_repeated_requests_are_counted() {
    let counters = counted(async {
        let endpoint =
            FakeServer::new(|number, _| token_response(&format!("token-{number}"), 3600));
        let api = FakeServer::new(|_, request| {
            match request.headers()["authorization"] == "Bearer token-1" {
                true => status_response(401, &[]),
                false => status_response(200, &[]),
            }
        });
        let layer = BearerLayer::new(tokens(endpoint), ["https://api.example"]).unwrap();
        let client = layer.layer(api);
        for _ in 0..3 {
            let request = Request::get("https://api.example/").body(Full::<Bytes>::default());
            client.clone().oneshot(request.unwrap()).await.unwrap();
        }
    });
    let expected = [
        ("countersign_client_retries_total{}".to_owned(), 1),
        (
            "countersign_client_token_requests_total{outcome=issued}".to_owned(),
            2,
        ),
    ];
    assert_eq!(counters, expected);
}

#[test]
fn failed_requests_for_tokens_are_counted_by_their_kind() {
    let endpoint = FakeServer::new(|number, _| match number {
        1 => status_response(401, &[]),
        2 => status_response(503, &[]),
        3 => token_response("expired", 0),
        _ => token_response("two words", 3600),
    });
    let counters = counted(async {
        let tokens = tokens(endpoint);
        for _ in 0..4 {
            let error = tokens.get().await.unwrap_err();
            tokens.get().await.unwrap_err();
            tokio::time::advance(error.retry_after()).await;
        }
    });
    let expected = ["expired", "malformed", "rejected", "unavailable"].map(|outcome| {
        let name = format!("countersign_client_token_requests_total{{outcome={outcome}}}");
        (name, 1)
    });
    assert_eq!(counters, expected);
}
