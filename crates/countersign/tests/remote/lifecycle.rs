//! The fetching task: its schedule, its end, and HTTP clients that fail. The clock is paused, and advanced by the tests.

use std::time::Duration;

use countersign::random::{Random, RandomError};
use countersign::remote::{FetchError, RefreshPolicy, RemoteKeys};
use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use tokio::time::{Instant, advance, sleep};

use crate::support::{Documents, Harness};

const URL: &str = "https://keys.example/a";

/// A source without jitter.
struct NoJitter;

impl Random for NoJitter {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(0);
        Ok(())
    }
}

fn fetching(documents: &Documents, policy: RefreshPolicy) -> RemoteKeys {
    let keys = RemoteKeys::jwks(URL)
        .client(documents.clone())
        .random(NoJitter);
    keys.policy(policy).start().unwrap()
}

fn document() -> String {
    TestIssuer::start(SystemClock).unwrap().jwks()
}

/// Returns the second of each fetch until `end`.
async fn fetch_times(documents: &Documents, end: u64) -> Vec<u64> {
    let begun = Instant::now();
    let mut seconds = Vec::new();
    while begun.elapsed().as_secs() < end {
        sleep(Duration::from_millis(500)).await;
        let now = begun.elapsed().as_secs();
        seconds.extend(documents.take_requested().iter().map(|_| now));
    }
    seconds
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_at_once_and_then_every_ttl() {
    let documents = Documents::default();
    documents.put(URL, document());
    let _keys = fetching(&documents, RefreshPolicy::default());
    assert_eq!(fetch_times(&documents, 1000).await, [0, 300, 600, 900]);
}

#[tokio::test(start_paused = true)]
async fn intervals_before_the_first_success_double_from_one_second_to_a_minute() {
    let documents = Documents::default();
    let keys = fetching(&documents, RefreshPolicy::default());
    assert_eq!(
        fetch_times(&documents, 130).await,
        [0, 1, 3, 7, 15, 31, 63, 123]
    );
    assert_eq!(keys.status().failures, 8);
    assert_eq!(keys.status().last_error, Some(FetchError::Status(404)));
    assert_eq!(keys.status().age, None);
}

#[tokio::test(start_paused = true)]
async fn intervals_after_a_failure_double_from_the_minimum_interval_to_the_ttl() {
    let documents = Documents::default();
    documents.put(URL, document());
    let keys = fetching(&documents, RefreshPolicy::default());
    keys.refresh().await.unwrap();
    documents.take_requested();
    documents.remove(URL);
    assert_eq!(
        fetch_times(&documents, 1400).await,
        [300, 330, 390, 510, 750, 1050, 1350]
    );
    assert!(keys.is_ready());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_clone_of_a_layer_ends_its_task() {
    let documents = Documents::default();
    documents.put(URL, document());
    let jwt = countersign::mechanism::Jwt::issuer("https://login.example")
        .jwks_url(URL)
        .client(documents.clone())
        .audience("a")
        .build()
        .unwrap();
    let harness = Harness::new(jwt);
    harness.keys().refresh().await.unwrap();
    assert!(documents.holders() > 0);
    let clone = harness.clone();
    drop(harness);
    tokio::task::yield_now().await;
    assert!(documents.holders() > 0, "a clone of the layer still exists");
    drop(clone);
    tokio::task::yield_now().await;
    assert_eq!(documents.holders(), 0);
}

#[tokio::test(start_paused = true)]
async fn panic_of_the_client_is_an_error_and_the_task_continues() {
    let documents = Documents::default();
    documents.put(URL, document());
    let keys = fetching(&documents, RefreshPolicy::default());
    keys.refresh().await.unwrap();
    documents.panic(true);
    assert_eq!(keys.refresh().await, Err(FetchError::Panicked));
    assert!(keys.is_ready());
    documents.panic(false);
    assert_eq!(keys.refresh().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn simultaneous_refreshes_share_a_fetch() {
    let documents = Documents::default();
    documents.put(URL, document());
    let keys = fetching(&documents, RefreshPolicy::default());
    let refreshes: Vec<_> = (0..10)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.refresh().await })
        })
        .collect();
    for refresh in refreshes {
        refresh.await.unwrap().unwrap();
    }
    assert!(
        documents.take_requested().len() <= 2,
        "one that was running, and one for all refreshes"
    );
}

#[test]
fn keys_stay_valid_after_their_runtime_has_shut_down_until_they_are_too_old() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let documents = Documents::default();
    documents.put(URL, document());
    let first = runtime();
    let keys = first.block_on(async {
        let keys = fetching(&documents, RefreshPolicy::default());
        keys.refresh().await.unwrap();
        keys
    });
    drop(first);
    runtime().block_on(async {
        assert!(keys.is_ready());
        assert_eq!(keys.refresh().await, Err(FetchError::Ended));
        advance(Duration::from_secs(25 * 3600)).await;
        assert!(!keys.is_ready());
    });
}
