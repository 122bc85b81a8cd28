//! `load`: nodes on a database with many keys and denials, in SQLite and in PostgreSQL.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use countersign_store::{Store, ViewContents};
use countersign_test_postgres::Cluster;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use crate::figures::check;
use crate::node::{Node, options};
use crate::page;
use crate::page::many_keys::{Figures, Loaded, Memory};
use crate::revocations::{self, Plan};

#[derive(Args)]
pub(crate) struct Options {
    /// How many keys and how many denials there are at the end; a tenth of them is measured first
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// The databases
    #[arg(long, value_enum, default_values_t = [Kind::Sqlite, Kind::Postgres])]
    databases: Vec<Kind>,
    /// The revocations while other nodes load the keys
    #[arg(long, default_value_t = 100)]
    revocations: usize,
    /// Write the part of docs/propagation.md about many keys
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

/// Opens a store in a process of its own.
#[derive(Args)]
pub(crate) struct HoldOptions {
    /// The URL of the database
    url: String,
    /// Hold denials only
    #[arg(long)]
    denials: bool,
}

pub(crate) async fn run(arguments: &Options) -> bool {
    let machine = page::machine();
    let mut figures = Vec::new();
    for kind in &arguments.databases {
        figures.push(match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("countersign.db");
                let url = format!("sqlite://{}", file.display());
                measure("SQLite", &url, arguments).await
            }
            Kind::Postgres => {
                let cluster = Cluster::durable();
                measure("PostgreSQL", &cluster.url("postgres"), arguments).await
            }
        });
    }
    if arguments.write {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        page::many_keys::write(docs.as_ref(), &machine, &figures);
    }
    let late = figures.iter().all(|figures| {
        figures.while_loading.accepted_late == 0 && figures.while_loading.incomplete == 0
    });
    check("nothing is accepted after a receipt", late)
}

async fn measure(database: &'static str, url: &str, arguments: &Options) -> Figures {
    // It is open before the keys are there, and does not hold them.
    let writer = Arc::new(Node::open(options(url)).await);
    writer.create_key().await;
    let mut loaded = Vec::new();
    let mut present = 0;
    for keys in [arguments.keys / 10, arguments.keys] {
        let begun = Instant::now();
        fill(url, present, keys).await;
        present = keys;
        let seconds = begun.elapsed().as_secs_f64();
        println!("{database}: {keys} keys and denials, inserted in {seconds:.0} s");
        let everything = hold(url, false);
        let denials = hold(url, true);
        for (name, held) in [("everything", everything), ("denials only", denials)] {
            println!(
                "  {name}: {:.2} s to start, {:.1} MiB",
                held.seconds,
                held.bytes as f64 / f64::from(1 << 20)
            );
        }
        loaded.push(Loaded {
            keys,
            everything,
            denials,
        });
    }

    let reader = Arc::new(Node::open(options(url)).await);
    let plan = Plan {
        rate: 20,
        revocations: arguments.revocations,
        pause: Duration::from_millis(110),
        probe: Duration::from_micros(500),
    };
    let done = Arc::new(AtomicBool::new(false));
    let loading = std::thread::spawn({
        let (url, done) = (url.to_owned(), Arc::clone(&done));
        move || {
            let mut times = 0_usize;
            while !done.load(Ordering::Relaxed) {
                times += 1;
                let mut child = begin_hold(&url, false);
                while child.try_wait().unwrap().is_none() {
                    if done.load(Ordering::Relaxed) {
                        child.kill().unwrap();
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            times
        }
    });
    let name = format!("{database}, two nodes while others load all keys");
    let while_loading = revocations::measure(&name, url, &[writer, reader], &plan).await;
    done.store(true, Ordering::Relaxed);
    let loads = loading.join().unwrap();
    println!("  {loads} other nodes began to load meanwhile");
    Figures {
        database,
        loaded,
        while_loading,
        loads,
    }
}

/// Opens a store in a process of its own, and closes it.
fn hold(url: &str, denials: bool) -> Memory {
    let output = begin_hold(url, denials).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let (seconds, bytes) = text
        .trim()
        .split_once(' ')
        .unwrap_or_else(|| panic!("{output:?}"));
    Memory {
        seconds: seconds.parse().unwrap(),
        bytes: bytes.parse().unwrap(),
    }
}

fn begin_hold(url: &str, denials: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["hold", url])
        .args(denials.then_some("--denials"));
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Prints how long a store takes to open, and by how many bytes the memory of the process grows.
pub(crate) async fn run_hold(arguments: &HoldOptions) -> bool {
    let mut options = options(&arguments.url);
    if arguments.denials {
        options.contents = ViewContents::Denials;
    }
    let (before, begun) = (resident(), Instant::now());
    let store = Store::open(options).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("{seconds} {}", resident().saturating_sub(before));
    store.close().await.unwrap();
    true
}

/// Inserts keys and denials that no request will use. Their ids begin with ascending numbers, as those of real ones begin with the time.
async fn fill(url: &str, present: u64, keys: u64) {
    if let Some(file) = url.strip_prefix("sqlite://") {
        return fill_sqlite(file, present, keys).await;
    }
    let mut connection = PgConnection::connect(url).await.unwrap();
    let id = |offset: u64| {
        format!("int8send(i + {offset}) || substr(sha256((i + {offset})::text::bytea), 1, 12)")
    };
    let (id, entity) = (id(0), id(1 << 40));
    // Without the checks of references, and with the indexes made at the end: this takes minutes otherwise.
    let script = format!(
        "SET LOCAL session_replication_role = replica;
         SET LOCAL maintenance_work_mem = '512MB';
         CREATE TEMPORARY TABLE dropped AS
         SELECT indexname, indexdef FROM pg_indexes
         WHERE schemaname = 'public' AND tablename IN ('credentials', 'denials') AND indexname NOT LIKE '%_pkey';
         DO $$ DECLARE name text; BEGIN
             FOR name IN SELECT indexname FROM dropped LOOP EXECUTE 'DROP INDEX ' || name; END LOOP;
         END $$;
         INSERT INTO credentials (id, kind, name, account_id, environment_id, scopes, created_at, updated_at, pepper_version, digest)
         SELECT {id}, 'key', 'key ' || i, account_id, environment_id, 'calls:read wallet:*',
             created_at, created_at, pepper_version, sha256(i::text::bytea)
         FROM generate_series({present}::bigint + 1, {keys}) AS i,
             (SELECT account_id, environment_id, created_at, pepper_version FROM credentials LIMIT 1) AS one;
         INSERT INTO denials (entity, issuer, lowest_generation, until, until_uptime)
         SELECT {entity}, '', 2, 4000000000000, 4000000000000
         FROM generate_series({present}::bigint + 1, {keys}) AS i;
         DO $$ DECLARE definition text; BEGIN
             FOR definition IN SELECT indexdef FROM dropped LOOP EXECUTE definition; END LOOP;
         END $$;
         DROP TABLE dropped"
    );
    for script in [&*script, "VACUUM (ANALYZE)"] {
        let script = sqlx::raw_sql(AssertSqlSafe(script.to_owned()));
        script.execute(&mut connection).await.unwrap();
    }
}

async fn fill_sqlite(file: &str, present: u64, keys: u64) {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(false);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000")
        .execute(&mut connection)
        .await
        .unwrap();
    // Parts, so that the log stays small.
    let mut first = present;
    while first < keys {
        let last = keys.min(first + 100_000);
        let script = format!(
            "BEGIN;
             WITH RECURSIVE n (i) AS (SELECT {first} + 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
             INSERT INTO credentials (id, kind, name, account_id, environment_id, scopes, created_at, updated_at, pepper_version, digest)
             SELECT CAST(printf('%08d', i) || randomblob(12) AS BLOB), 'key', 'key ' || i, account_id, environment_id,
                 'calls:read wallet:*', created_at, created_at, pepper_version, randomblob(32)
             FROM n, (SELECT account_id, environment_id, created_at, pepper_version FROM credentials LIMIT 1);
             WITH RECURSIVE n (i) AS (SELECT {first} + 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
             INSERT INTO denials (entity, issuer, lowest_generation, until, until_uptime)
             SELECT CAST(printf('%08d', i) || randomblob(12) AS BLOB), '', 2, 4000000000000, 4000000000000 FROM n;
             COMMIT"
        );
        sqlx::raw_sql(AssertSqlSafe(script))
            .execute(&mut connection)
            .await
            .unwrap();
        first = last;
    }
    connection.close().await.unwrap();
}

/// Returns the resident memory of this process in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.unwrap().parse::<u64>().unwrap() * 1024
}
