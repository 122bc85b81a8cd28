//! The task: its timetable without a network, its end, and clients that misbehave. Time stands still here but for
//! what the tests let pass.

use std::time::Duration;

use countersign::random::{Random, RandomError};
use countersign::remote::{FetchError, RefreshPolicy, RemoteKeys};
use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use tokio::time::{Instant, advance, sleep};

use crate::support::{Documents, Gate};

const URL: &str = "https://keys.example/a";

/// Never by chance.
struct Steady;

impl Random for Steady {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(0);
        Ok(())
    }
}

fn fetching(documents: &Documents, policy: RefreshPolicy) -> RemoteKeys {
    let keys = RemoteKeys::jwks(URL)
        .client(documents.clone())
        .random(Steady);
    keys.policy(policy).start().unwrap()
}

fn document() -> String {
    TestIssuer::start(SystemClock).unwrap().jwks()
}

/// At which second each of the fetches comes, from the first on, until `end`.
async fn timetable(documents: &Documents, end: u64) -> Vec<u64> {
    let begun = Instant::now();
    let mut seconds = Vec::new();
    while begun.elapsed().as_secs() < end {
        sleep(Duration::from_millis(500)).await;
        let now = begun.elapsed().as_secs();
        seconds.extend(documents.asked().iter().map(|_| now));
    }
    seconds
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_at_once_and_then_every_ttl() {
    let documents = Documents::default();
    documents.put(URL, document());
    let _keys = fetching(&documents, RefreshPolicy::default());
    assert_eq!(timetable(&documents, 1000).await, [0, 300, 600, 900]);
}

#[tokio::test(start_paused = true)]
async fn attempts_at_a_cold_start_come_from_one_second_to_a_minute_apart() {
    let documents = Documents::default();
    let keys = fetching(&documents, RefreshPolicy::default());
    assert_eq!(
        timetable(&documents, 130).await,
        [0, 1, 3, 7, 15, 31, 63, 123]
    );
    assert_eq!(keys.status().failures, 8);
    assert_eq!(keys.status().last_error, Some(FetchError::Status(404)));
    assert_eq!(keys.status().age, None);
}

#[tokio::test(start_paused = true)]
async fn attempts_after_a_failure_come_from_the_minimum_interval_to_the_ttl_apart() {
    let documents = Documents::default();
    documents.put(URL, document());
    let keys = fetching(&documents, RefreshPolicy::default());
    keys.refresh().await.unwrap();
    documents.asked();
    documents.remove(URL);
    assert_eq!(
        timetable(&documents, 1400).await,
        [300, 330, 390, 510, 750, 1050, 1350]
    );
    assert!(keys.is_ready());
}

#[tokio::test(start_paused = true)]
async fn dropped_layer_ends_its_task() {
    let documents = Documents::default();
    documents.put(URL, document());
    let jwt = countersign::mechanism::Jwt::issuer("https://login.example")
        .jwks_url(URL)
        .client(documents.clone())
        .audience("a")
        .build()
        .unwrap();
    let gate = Gate::new(jwt);
    gate.keys().refresh().await.unwrap();
    assert!(documents.holders() > 0);
    let clone = gate.clone();
    drop(gate);
    tokio::task::yield_now().await;
    assert!(documents.holders() > 0, "a clone of the layer is in use");
    drop(clone);
    tokio::task::yield_now().await;
    assert_eq!(documents.holders(), 0);
}

#[tokio::test(start_paused = true)]
async fn client_that_panics_fails_and_the_task_goes_on() {
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
async fn fetches_that_are_ordered_together_are_one() {
    let documents = Documents::default();
    documents.put(URL, document());
    let keys = fetching(&documents, RefreshPolicy::default());
    let orders: Vec<_> = (0..10)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.refresh().await })
        })
        .collect();
    for order in orders {
        order.await.unwrap().unwrap();
    }
    assert!(
        documents.asked().len() <= 2,
        "one under way, and one for all who came meanwhile"
    );
}

#[test]
fn keys_outlive_the_runtime_of_their_task_until_they_are_too_old() {
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
