//! `load`: nodes on a database with many keys.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use countersign_store::{Store, ViewContents};
use countersign_test_postgres::Cluster;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::child::Process;
use crate::figures::check;
use crate::node::{Node, options};
use crate::revocations::{self, Plan};

#[derive(Args)]
pub(crate) struct Options {
    /// How many keys there are
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// How many denials there are
    #[arg(long, default_value_t = 100_000)]
    denials: u64,
    /// The revocations while another node loads the keys
    #[arg(long, default_value_t = 100)]
    revocations: usize,
}

pub(crate) async fn run(arguments: &Options) -> bool {
    let cluster = Cluster::durable();
    let url = cluster.url("postgres");
    let writer = Arc::new(Node::open(options(&url)).await);
    writer.create_key().await;
    fill(&url, arguments).await;
    println!("{} keys, {} denials", arguments.keys, arguments.denials);

    for (contents, name, count) in [
        (
            ViewContents::Denials,
            "a node with denials only",
            arguments.denials,
        ),
        (
            ViewContents::Everything,
            "a node with all keys",
            arguments.keys,
        ),
    ] {
        let (before, begun) = (resident(), Instant::now());
        let mut options = options(&url);
        options.contents = contents;
        let node = Store::open(options).await.unwrap();
        let grown = resident().saturating_sub(before);
        println!(
            "{name}: {:.2} s to start, {:.1} MiB, {:.0} bytes each",
            begun.elapsed().as_secs_f64(),
            grown as f64 / 1024.0 / 1024.0,
            grown as f64 / count as f64
        );
        node.close().await.unwrap();
    }

    // The writer has been open since before the keys were there, and does not hold them.
    let reader = Arc::new(Node::open(options(&url)).await);
    let nodes = [writer, reader];
    let plan = Plan {
        rate: 20,
        revocations: arguments.revocations,
        pause: Duration::from_millis(110),
    };
    let done = Arc::new(AtomicBool::new(false));
    let loading = std::thread::spawn({
        let (url, done) = (url.clone(), Arc::clone(&done));
        move || {
            while !done.load(Ordering::Relaxed) {
                let begun = Instant::now();
                drop(Process::start(&url, false));
                let seconds = begun.elapsed().as_secs_f64();
                println!("  another node, in a process of its own, started in {seconds:.2} s");
            }
        }
    });
    let name = "two nodes while others load all keys";
    let measured = revocations::measure(name, &url, &nodes, &plan).await;
    done.store(true, Ordering::Relaxed);
    loading.join().unwrap();
    check(
        "nothing is accepted after a receipt",
        measured.accepted_late == 0 && measured.incomplete == 0,
    )
}

/// Inserts keys and denials that no request will use, with two statements.
async fn fill(url: &str, arguments: &Options) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let (keys, denials) = (arguments.keys, arguments.denials);
    let script = format!(
        "INSERT INTO credentials (id, kind, name, account_id, environment_id, scopes, created_at, updated_at, pepper_version, digest)
         SELECT substr(sha256(i::text::bytea), 1, 20), 'key', 'key ' || i, account_id, environment_id, 'calls:read wallet:*',
             created_at, created_at, pepper_version, sha256(i::text::bytea)
         FROM generate_series(1, {keys}) AS i,
             (SELECT account_id, environment_id, created_at, pepper_version FROM credentials LIMIT 1) AS one;
         INSERT INTO denials (entity, issuer, lowest_generation, until, until_uptime)
         SELECT substr(sha256((-i)::text::bytea), 1, 20), '', 2, 4000000000000, 4000000000000 FROM generate_series(1, {denials}) AS i;
         ANALYZE"
    );
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(&mut connection)
        .await
        .unwrap();
}

/// Returns the resident memory of this process in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.unwrap().parse::<u64>().unwrap() * 1024
}
