//! The database stops for a while, and continues.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_test_postgres::Cluster;

use crate::figures::{check, millis};
use crate::node::{Decision, Key, Node};
use crate::requests::Requests;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped {
    pub(crate) outage: Duration,
    /// From the end of the database to the last request that was accepted.
    pub(crate) accepted_for: Duration,
    /// From the restart of the database until all nodes decided again.
    pub(crate) healed_after: Duration,
}

/// Stops the database while requests come, and looks when the nodes cease to decide and when they decide again.
pub(crate) async fn measure(
    cluster: &Arc<Cluster>,
    nodes: &[Arc<Node>],
    rate: u32,
    outage: Duration,
) -> Stopped {
    let key = nodes[0].create_key().await;
    let limit = Duration::from_secs(7);
    assert!(nodes[0].store.wait_for_nodes(limit).await.is_complete());
    let requests = Requests::begin(nodes, vec![key.clone()], rate);
    let stopped = Instant::now();
    let database = Arc::clone(cluster);
    let stop = tokio::task::spawn_blocking(move || database.crash());
    stop.await.unwrap();
    tokio::time::sleep(outage.saturating_sub(stopped.elapsed())).await;
    let database = Arc::clone(cluster);
    let restart = tokio::task::spawn_blocking(move || database.restart());
    restart.await.unwrap();
    let restarted = Instant::now();
    while !nodes.iter().all(|node| accepts(node, &key)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(restarted.elapsed() < Duration::from_secs(60), "no recovery");
    }
    let healed_after = restarted.elapsed();
    let decided = requests.end();
    let last = decided.last_accepted.unwrap_or(stopped);
    let found = Stopped {
        outage,
        accepted_for: last.saturating_duration_since(stopped),
        healed_after,
    };
    println!(
        "\ndatabase stopped for {} s: accepted for {} ms more, then {} requests undecided; all nodes decide {} ms after \
         the restart",
        outage.as_secs(),
        millis(found.accepted_for),
        decided.undecided,
        millis(healed_after)
    );
    found
}

impl Stopped {
    pub(crate) fn check(&self, max_staleness: Duration) -> bool {
        // The database takes a moment to stop, and a thread to send its next request.
        let most = max_staleness + Duration::from_millis(250);
        check(
            "no request is accepted later than max_staleness after the end of the database",
            self.accepted_for <= most || self.outage < max_staleness,
        ) & check(
            "all nodes decide within 1 s after the restart",
            self.healed_after <= Duration::from_secs(1),
        )
    }
}

fn accepts(node: &Node, key: &Key) -> bool {
    node.decide(&key.secret) == Decision::Accepted
}
