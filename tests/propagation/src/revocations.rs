//! Many revocations on one node, while the others decide on requests with the same keys.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use sqlx::{Connection as _, PgConnection};

use crate::cluster;
use crate::figures::Quantiles;
use crate::node::{Decision, Key, Node};
use crate::requests::{Decided, Requests};

/// How long a receipt is waited for: more than the default of `max_staleness`.
const LIMIT: Duration = Duration::from_secs(7);
/// How many valid keys the requests have.
const VALID_KEYS: usize = 100;

/// What is measured.
pub(crate) struct Plan {
    /// Requests a second to each node.
    pub(crate) rate: u32,
    pub(crate) revocations: usize,
    /// The shortest time between two revocations; the longest is a third longer.
    pub(crate) pause: Duration,
    /// The time between two requests with a revoked key to each node that has not rejected it.
    pub(crate) probe: Duration,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) revocations: usize,
    /// From the call that revokes, to the rejection on the last node.
    pub(crate) from_call: Quantiles,
    /// From the commit. Without a time with SQLite, which does not record it.
    pub(crate) from_commit: Quantiles,
    /// From the end of the call, which is after the commit, to the complete receipt.
    pub(crate) receipt: Quantiles,
    /// Receipts that were not complete.
    pub(crate) incomplete: usize,
    /// Requests that were accepted after a complete receipt.
    pub(crate) accepted_late: usize,
    pub(crate) decided: Decided,
}

impl Measured {
    pub(crate) fn print(&self) {
        let Decided {
            accepted,
            rejected,
            undecided,
            ..
        } = self.decided;
        println!("\n{}: {} revocations", self.name, self.revocations);
        println!("  call to rejection on the last node    {}", self.from_call);
        println!(
            "  commit to rejection on the last node  {}",
            self.from_commit
        );
        println!("  call returned to receipt              {}", self.receipt);
        println!(
            "  {} accepted after the receipt; {} receipts incomplete; of the other requests {accepted} accepted, \
             {rejected} rejected, {undecided} undecided",
            self.accepted_late, self.incomplete
        );
    }
}

/// Revokes keys on the first node, and measures when the others reject them.
pub(crate) async fn measure(name: &str, url: &str, nodes: &[Arc<Node>], plan: &Plan) -> Measured {
    let writer = &nodes[0];
    let mut connection = match url.starts_with("postgres") {
        true => Some(PgConnection::connect(url).await.unwrap()),
        false => None,
    };
    let mut keys = Vec::new();
    for _ in 0..VALID_KEYS + plan.revocations {
        keys.push(writer.create_key().await);
    }
    assert!(writer.store.wait_for_nodes(LIMIT).await.is_complete());
    let victims = keys.split_off(VALID_KEYS);
    let requests = Requests::begin(nodes, keys, plan.rate);
    let [mut from_call, mut from_commit, mut receipts] = [const { Vec::new() }; 3];
    let (mut incomplete, mut accepted_late) = (0, 0);
    for victim in victims {
        let rejected = watch(&nodes[1..], &victim, plan.probe);
        let begun = Instant::now();
        assert!(writer.revoke(victim.id).await);
        let returned = Instant::now();
        let receipt = writer.store.wait_for_nodes(LIMIT).await;
        receipts.push(returned.elapsed());
        match receipt.is_complete() {
            true => {
                let late = nodes.iter();
                let late = late.filter(|node| node.decide(&victim.secret) == Decision::Accepted);
                accepted_late += late.count();
            }
            false => incomplete += 1,
        }
        let rejected = tokio::task::spawn_blocking(move || rejected.recv().unwrap());
        let (rejected, at) = rejected.await.unwrap();
        from_call.push(rejected.saturating_duration_since(begun));
        if let Some(connection) = &mut connection {
            let committed = cluster::committed_at(connection, &victim.id).await;
            from_commit.push(at.duration_since(committed).unwrap_or_default());
        }
        let pause = plan.pause.mul_f64(1.0 + fastrand::f64() / 3.0);
        tokio::time::sleep(pause.saturating_sub(begun.elapsed())).await;
    }
    let measured = Measured {
        name: name.to_owned(),
        revocations: plan.revocations,
        from_call: Quantiles::of(&from_call),
        from_commit: Quantiles::of(&from_commit),
        receipt: Quantiles::of(&receipts),
        incomplete,
        accepted_late,
        decided: requests.end(),
    };
    measured.print();
    measured
}

/// Sends requests with a key to nodes until all have rejected it. The receiver gets the time of the last first rejection, by both
/// clocks.
fn watch(nodes: &[Arc<Node>], victim: &Key, probe: Duration) -> Receiver<(Instant, SystemTime)> {
    let (sender, receiver) = channel();
    let (mut nodes, victim) = (nodes.to_vec(), victim.clone());
    thread::spawn(move || {
        loop {
            nodes.retain(|node| node.decide(&victim.secret) != Decision::Rejected);
            if nodes.is_empty() {
                let _ = sender.send((Instant::now(), SystemTime::now()));
                return;
            }
            thread::sleep(probe);
        }
    });
    receiver
}
