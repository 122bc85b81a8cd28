//! The time from the commit of a revocation on one node until the other nodes reject the key, all on one PostgreSQL database:
//!
//! ```text
//! cargo run --release -p countersign-tests --example propagation -- 2 1000     # nodes, revocations
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

use std::time::{Duration, Instant};

use countersign::Secret;
use countersign::directory::{Directory as _, Status};
use countersign::registry::{Caller, Change, NewKey, Registry as _};
use countersign_store::{MasterKey, Store, StoreOptions};

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let mut number = |default: usize| {
        numbers
            .next()
            .map_or(default, |number| number.expect("a number"))
    };
    let (nodes, revocations) = (number(2).max(2), number(1000));
    let mut options = StoreOptions::new(countersign_test_postgres::new_database());
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    options.master_key = MasterKey::Text(Secret::from(key.to_owned()));
    let writer = Store::open(options.clone()).await.unwrap();
    let mut readers = Vec::new();
    for _ in 1..nodes {
        readers.push(Store::open(options.clone()).await.unwrap());
    }
    let operator = Caller::operator("propagation");
    let (mut commits, mut delays) = (Vec::new(), Vec::new());
    for _ in 0..revocations {
        let new = NewKey::new("ci", "a:*".parse().unwrap());
        let id = writer.create_key(&operator, new).await.unwrap().record.id;
        let begun = Instant::now();
        let revoked = writer.change(&operator, id, Change::Revoke { reason: None });
        revoked.await.unwrap();
        let committed = Instant::now();
        commits.push(committed - begun);
        for reader in &readers {
            let view = reader.directory();
            let is_revoked = || {
                let found = view.credential(&id);
                found.is_some_and(|found| found.status == Status::Revoked)
            };
            while !is_revoked() {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
        // The last of the nodes.
        delays.push(committed.elapsed());
    }
    println!("{nodes} nodes, {revocations} revocations");
    report("commit", commits);
    report("commit to rejection on the last node", delays);
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at =
        |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    let [p50, p99, max] = [50, 99, 100].map(|share| at(share).copied().unwrap_or_default());
    println!("{what}: p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}");
}
