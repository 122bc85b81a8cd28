//! `measure`: how fast revocations reach other nodes, without faults and with them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clap::Args;
use countersign::time::{Clock, SystemClock, Timestamp};
use countersign_test_postgres::Cluster;

use crate::figures::{Quantiles, check};
use crate::freeze::Frozen;
use crate::node::{Node, options};
use crate::revocations::{Measured, Plan};
use crate::{cluster, database_stop, freeze, page, revocations};

/// The default of `max_staleness`.
const MAX_STALENESS: Duration = Duration::from_secs(5);
/// More than the database waits between two notifications.
const PAUSE: Duration = Duration::from_millis(110);
/// The time between two requests with a revoked key to a node, with two nodes and with many: the requests to many nodes would take a
/// good part of the processors otherwise.
const PROBES: [Duration; 2] = [Duration::from_micros(500), Duration::from_millis(2)];
const DAY: i64 = 24 * 3600 * 1000;

#[derive(Args)]
pub(crate) struct Options {
    /// The revocations without faults, with two nodes and with many
    #[arg(long, default_value_t = 1000)]
    revocations: usize,
    /// The revocations with each fault
    #[arg(long, default_value_t = 200)]
    faults: usize,
    /// The number of nodes in one process
    #[arg(long, default_value_t = 50)]
    nodes: usize,
    /// For how many seconds the database stops
    #[arg(long, default_value_t = 30)]
    outage: u64,
    /// How often a node is stopped
    #[arg(long, default_value_t = 5)]
    freezes: usize,
    /// Write docs/propagation.md and its chart
    #[arg(long)]
    write: bool,
}

#[derive(Args)]
pub(crate) struct ManyOptions {
    /// The revocations
    #[arg(long, default_value_t = 200)]
    revocations: usize,
    /// The number of nodes in one process
    #[arg(long, default_value_t = 50)]
    nodes: usize,
}

/// All results.
pub(crate) struct Results {
    pub(crate) machine: String,
    pub(crate) durable_insert: Quantiles,
    pub(crate) measured: Vec<Measured>,
    pub(crate) stopped: database_stop::Stopped,
    pub(crate) frozen: Vec<Frozen>,
}

pub(crate) async fn run(arguments: &Options) -> bool {
    let machine = page::machine();
    let cluster = Arc::new(Cluster::durable());
    let durable_insert = cluster::durable_insert(&cluster, 1000).await;
    println!("a durable insert and its notification: {durable_insert}");
    let mut measured = Vec::new();
    let plan = |rate, revocations, pause| Plan {
        rate,
        revocations,
        pause,
        probe: PROBES[0],
    };
    let (many, few) = (arguments.revocations, arguments.faults);

    let url = cluster.new_database("two");
    let two = nodes(&url, 2).await;
    let alone = plan(1000, many, PAUSE);
    measured.push(revocations::measure("two nodes", &url, &two, &alone).await);
    let at_once = plan(1000, few, Duration::ZERO);
    let name = "two nodes, one revocation after the other";
    measured.push(revocations::measure(name, &url, &two, &at_once).await);
    let faulty = plan(1000, few, PAUSE);
    let killer = tokio::spawn({
        let url = url.clone();
        async move { cluster::kill_listeners(&url).await }
    });
    let name = "two nodes, the listening connections killed";
    measured.push(revocations::measure(name, &url, &two, &faulty).await);
    killer.abort();
    cluster::silence(&url).await;
    let name = "two nodes, no notifications";
    measured.push(revocations::measure(name, &url, &two, &faulty).await);
    let outage = Duration::from_secs(arguments.outage);
    let stopped = database_stop::measure(&cluster, &two, 1000, outage).await;
    drop(two);

    let url = cluster.new_database("clock");
    let clocks = with_clocks(&url).await;
    measured.push(set_clocks(&url, &clocks, &faulty).await);
    let rounds = arguments.freezes;
    let mut frozen = Vec::new();
    for writes in [false, true] {
        let url = cluster.new_database(if writes { "writes" } else { "frozen" });
        let here = Arc::new(Node::open(options(&url)).await);
        frozen.push(freeze::measure(&url, &here, rounds, writes).await);
    }

    measured.push(measure_many(&cluster, arguments.nodes, many).await);

    println!();
    let results = Results {
        machine,
        durable_insert,
        measured,
        stopped,
        frozen,
    };
    let passed = results.check();
    if arguments.write {
        let docs = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
        page::write(&docs, &results);
    }
    passed
}

impl Results {
    fn check(&self) -> bool {
        let mut passed = true;
        for measured in &self.measured {
            let late = format!("{}: nothing is accepted after a receipt", measured.name);
            passed &= check(
                &late,
                measured.accepted_late == 0 && measured.incomplete == 0,
            );
            let valid = format!("{}: every valid key is accepted", measured.name);
            let decided = measured.decided;
            passed &= check(&valid, decided.rejected == 0 && decided.undecided == 0);
        }
        let (two, insert) = (&self.measured[0], self.durable_insert);
        passed &= check(
            "two nodes: from commit to rejection p99 at most ten times that of a durable insert with its notification",
            two.from_commit.p99 <= insert.p99 * 10,
        );
        let many = &self.measured[self.measured.len() - 1];
        passed &= check_many(many);
        passed &= self.stopped.check(MAX_STALENESS);
        self.frozen
            .iter()
            .fold(passed, |passed, frozen| passed & frozen.check())
    }
}

/// Measures only how fast revocations reach many nodes in one process.
pub(crate) async fn run_many(arguments: &ManyOptions) -> bool {
    let cluster = Cluster::durable();
    let many = measure_many(&cluster, arguments.nodes, arguments.revocations).await;
    check_many(&many)
}

async fn measure_many(cluster: &Cluster, count: usize, revocations: usize) -> Measured {
    let url = cluster.new_database("many");
    let nodes = nodes(&url, count).await;
    let plan = Plan {
        rate: 20,
        revocations,
        pause: PAUSE * 3 / 2,
        probe: PROBES[1],
    };
    let name = format!("{count} nodes in one process");
    revocations::measure(&name, &url, &nodes, &plan).await
}

fn check_many(many: &Measured) -> bool {
    check(
        "many nodes: from commit to rejection p99 at most 100 ms",
        many.from_commit.p99 <= Duration::from_millis(100),
    )
}

async fn nodes(url: &str, count: usize) -> Vec<Arc<Node>> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(Arc::new(Node::open(options(url)).await));
    }
    nodes
}

/// A wall clock that is set.
#[derive(Default)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let offset = self.0.load(Ordering::Relaxed);
        Timestamp::from_unix_millis(SystemClock.now().unix_millis() + offset)
    }
}

struct Clocks {
    nodes: Vec<Arc<Node>>,
    clocks: Vec<Arc<SetClock>>,
}

async fn with_clocks(url: &str) -> Clocks {
    let (mut nodes, mut clocks) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let clock = Arc::new(SetClock::default());
        let mut options = options(url);
        options.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        nodes.push(Arc::new(Node::open(options).await));
        clocks.push(clock);
    }
    Clocks { nodes, clocks }
}

/// Sets the clocks of both nodes back and forth by days, while keys are revoked.
async fn set_clocks(url: &str, nodes: &Clocks, plan: &Plan) -> Measured {
    let clocks = nodes.clocks.clone();
    let setter = tokio::spawn(async move {
        loop {
            for clock in &clocks {
                clock.0.store(fastrand::i64(-DAY..DAY), Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let name = "two nodes, wall clocks set back and forth";
    let measured = revocations::measure(name, url, &nodes.nodes, plan).await;
    setter.abort();
    measured
}
