//! `kill`: the database and nodes are killed, and standbys are promoted, while nodes make changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use countersign::Secret;
use countersign_store::Verified;
use countersign_test_postgres::Cluster;
use tokio::task::block_in_place;

use crate::child::Process;
use crate::figures::check;
use crate::node::{Decision, Node, options};

/// How long the nodes have to make changes again.
const PATIENCE: Duration = Duration::from_secs(60);
/// After how many kills everything is checked.
const CHECK_EVERY: usize = 10;

#[derive(Args)]
pub(crate) struct Options {
    /// How often the database or a node is killed
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// How often a standby is promoted
    #[arg(long, default_value_t = 20)]
    promotions: usize,
    /// Determines what is killed when
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Two nodes in processes of their own, which create and revoke keys, one in this process, and what was acknowledged.
struct Nodes {
    url: String,
    here: Arc<Node>,
    there: Vec<Process>,
    keys: HashMap<String, Acknowledged>,
    acknowledged: usize,
    /// Keys that this node accepted after another node had a complete receipt for their revocation.
    accepted_late: usize,
    receipts: usize,
    /// What was wrong in a check.
    wrong: usize,
}

struct Acknowledged {
    key: Secret,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    /// The revocation began.
    Revoking,
    Revoked,
}

pub(crate) async fn run(arguments: &Options) -> bool {
    fastrand::seed(arguments.seed);
    let begun = Instant::now();
    let passed = kill(arguments.kills).await & promote(arguments.promotions).await;
    println!("seed {}, {:.0?}", arguments.seed, begun.elapsed());
    passed
}

async fn kill(times: usize) -> bool {
    let cluster = block_in_place(Cluster::durable);
    let mut nodes = Nodes::start(cluster.url("postgres")).await;
    let mut databases = 0;
    for number in 1..=times {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..300))).await;
        nodes.read();
        match fastrand::usize(0..3) {
            0 => {
                databases += 1;
                block_in_place(|| {
                    cluster.kill();
                    cluster.restart();
                });
            }
            node => nodes.kill(node - 1),
        }
        nodes.wait_for(2).await;
        if number % CHECK_EVERY == 0 || number == times {
            nodes.check().await;
        }
    }
    let what = format!(
        "{databases} kills of the database and {} of nodes",
        times - databases
    );
    nodes.report(&what)
}

async fn promote(times: usize) -> bool {
    if times == 0 {
        return true;
    }
    let mut primary = block_in_place(Cluster::durable);
    let mut standby = block_in_place(|| primary.standby());
    let (one, other) = (primary.port(), standby.port());
    let url = format!("postgres://postgres@127.0.0.1:{one},127.0.0.1:{other}/postgres");
    let mut nodes = Nodes::start(url).await;
    for _ in 0..times {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(100..500))).await;
        nodes.read();
        (primary, standby) = block_in_place(|| {
            primary.kill();
            standby.promote();
            let port = primary.port();
            drop(primary);
            // Commits wait for the next standby.
            let next = standby.standby_at(port);
            (standby, next)
        });
        nodes.wait_for(4).await;
        nodes.check().await;
    }
    nodes.report(&format!("{times} promotions of a synchronous standby"))
}

impl Nodes {
    async fn start(url: String) -> Self {
        let here = Arc::new(Node::open(options(&url)).await);
        let start = || Process::start(&url, true);
        let there = block_in_place(|| vec![start(), start()]);
        Self {
            url,
            here,
            there,
            keys: HashMap::new(),
            acknowledged: 0,
            accepted_late: 0,
            receipts: 0,
            wrong: 0,
        }
    }

    /// Kills a node, and starts another one.
    fn kill(&mut self, index: usize) {
        let lines = block_in_place(|| {
            let lines = self.there.remove(index).kill();
            self.there.push(Process::start(&self.url, true));
            lines
        });
        lines.iter().for_each(|line| self.note(line));
    }

    /// Reads what the nodes have printed.
    fn read(&mut self) {
        let lines: Vec<String> = self
            .there
            .iter()
            .flat_map(|process| process.lines.try_iter())
            .collect();
        lines.iter().for_each(|line| self.note(line));
    }

    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        // The last line of a process that was killed may lack its end.
        match words[..] {
            ["created", id, key] => {
                self.acknowledged += 1;
                let key = Secret::from(key.to_owned());
                let state = State::Active;
                self.keys.insert(id.to_owned(), Acknowledged { key, state });
            }
            ["revoking", id] => self.set(id, State::Revoking),
            ["revoked", id] => {
                self.acknowledged += 1;
                self.set(id, State::Revoked);
            }
            ["complete", id] => {
                let Some(revoked) = self.keys.get(id) else {
                    return;
                };
                self.receipts += 1;
                let decision = self.here.decide(&revoked.key);
                self.accepted_late += usize::from(decision == Decision::Accepted);
            }
            _ => {}
        }
    }

    fn set(&mut self, id: &str, state: State) {
        if let Some(known) = self.keys.get_mut(id) {
            known.state = state;
        }
    }

    /// Waits until so many more changes are acknowledged.
    async fn wait_for(&mut self, more: usize) {
        let (enough, begun) = (self.acknowledged + more, Instant::now());
        while self.acknowledged < enough {
            assert!(begun.elapsed() < PATIENCE, "no change succeeds any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.read();
        }
    }

    /// Checks that nothing is lost that was acknowledged, with a node that starts now.
    async fn check(&mut self) {
        self.read();
        let expected: Vec<(String, State)> = self
            .keys
            .iter()
            .map(|(id, known)| (id.clone(), known.state))
            .collect();
        let fresh = Node::open(options(&self.url)).await;
        for (id, state) in expected {
            let decision = fresh.decide(&self.keys[&id].key);
            let is_right = match state {
                State::Active => decision == Decision::Accepted,
                State::Revoking => decision != Decision::Undecided,
                State::Revoked => decision == Decision::Rejected,
            };
            if !is_right {
                println!("{id}: {decision:?}");
                self.wrong += 1;
            }
        }
        let verified = fresh.store.verify_audit(None).await;
        if !matches!(verified, Ok(Verified::Intact { .. })) {
            println!("{verified:?}");
            self.wrong += 1;
        }
        fresh.store.close().await.unwrap();
    }

    fn report(&self, what: &str) -> bool {
        println!(
            "{what}: {} changes of {} keys were acknowledged; {} receipts were complete",
            self.acknowledged,
            self.keys.len(),
            self.receipts
        );
        check(
            &format!("{what}: no acknowledged change is lost, and no revoked key works"),
            self.wrong == 0 && self.accepted_late == 0 && self.acknowledged > 0,
        )
    }
}
