//! The metrics count every authentication and every requirement, with labels that no request can choose.

#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::convert::Infallible;
use std::sync::Arc;

use countersign::AuthLayer;
use countersign::directory::MemoryDirectory;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::require::{require, scope};
use countersign::time::SystemClock;
use http::{Request, Response};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

/// Sends requests with these headers, and returns the counters as `name{labels}` with their values.
fn counted(requests: &[&[(&str, &str)]]) -> Vec<(String, u64)> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        tokio_test::block_on(async {
            let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
            let directory = Arc::new(MemoryDirectory::default());
            let table = Arc::clone(&directory);
            let registry =
                MemoryRegistry::new(table, peppers.clone(), SystemClock, SystemRandom).unwrap();
            let caller = Caller::operator("test");
            let new = NewKey::new("test", "calls:read".parse().unwrap());
            let key = registry.create_key(&caller, new).await.unwrap().issued.key;
            let new = NewKey::new("test", "other".parse().unwrap());
            let other = registry.create_key(&caller, new).await.unwrap().issued.key;
            let layer = AuthLayer::builder()
                .primary(ApiKeys::new(directory.clone(), peppers.clone()))
                .primary(Basic::new(directory, peppers))
                .build()
                .unwrap();
            let service = ServiceBuilder::new()
                .layer(layer)
                .layer(require(scope("calls:read")).unwrap())
                .service(service_fn(|_| async {
                    Ok::<_, Infallible>(Response::new(()))
                }));
            for headers in requests {
                let mut request = Request::builder();
                for (name, value) in *headers {
                    let value = value
                        .replace("GOOD", key.expose())
                        .replace("OTHER", other.expose());
                    request = request.header(*name, value);
                }
                let request = request.body(()).unwrap();
                service.clone().oneshot(request).await.unwrap();
            }
        });
    });
    let mut counters: Vec<(String, u64)> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels = key
                .key()
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()));
            let labels = labels.collect::<Vec<_>>().join(" ");
            let DebugValue::Counter(count) = value else {
                panic!("not a counter: {labels}");
            };
            (format!("{}{{{labels}}}", key.key().name()), count)
        })
        .collect();
    counters.sort();
    counters
}

#[test]
fn every_authentication_and_every_requirement_is_counted_by_outcome_scheme_and_reason() {
    let counters = counted(&[
        &[],
        &[("x-api-key", "GOOD")],
        &[("x-api-key", "GOOD")],
        &[("x-api-key", "OTHER")],
        &[("x-api-key", "canary")],
        &[("x-api-key", "GOOD"), ("authorization", "Basic canary")],
        &[("authorization", "Basic canary")],
    ]);
    let expected = [
        (
            "countersign_authentications_total{outcome=accepted scheme=api_key reason=}",
            3,
        ),
        (
            "countersign_authentications_total{outcome=invalid scheme= reason=pair_malformed}",
            1,
        ),
        (
            "countersign_authentications_total{outcome=invalid scheme= reason=unselected}",
            1,
        ),
        (
            "countersign_authentications_total{outcome=malformed scheme= reason=several_credentials}",
            1,
        ),
        (
            "countersign_authentications_total{outcome=missing scheme= reason=no_credentials}",
            1,
        ),
        (
            "countersign_requirements_total{outcome=accepted reason=}",
            2,
        ),
        (
            "countersign_requirements_total{outcome=insufficient_scope reason=scope_missing}",
            1,
        ),
    ];
    let expected: Vec<_> = expected
        .map(|(name, count)| (name.to_owned(), count))
        .into();
    assert_eq!(counters, expected);
}

#[test]
fn different_guesses_share_one_counter() {
    let guesses: Vec<String> = (0..300).map(|n| format!("canary{n}")).collect();
    let requests: Vec<[(&str, &str); 1]> = guesses
        .iter()
        .map(|guess| [("x-api-key", guess.as_str())])
        .collect();
    let requests: Vec<&[(&str, &str)]> = requests.iter().map(<[_; 1]>::as_slice).collect();
    let counters = counted(&requests);
    assert_eq!(counters.len(), 1, "{counters:?}");
    assert!(!format!("{counters:?}").contains("canary"));
}
