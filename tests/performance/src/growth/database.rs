//! Opening a database with many keys, beside reading its rows; and the commands that change a key.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use countersign::registry::{Caller, NewKey, Registry as _};
use countersign_store::{Store, StoreOptions, ViewContents};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::runtime::{Builder, Runtime};

use super::label;
use crate::Effort;
use crate::in_process::material::SCOPES;
use crate::report::Table;
use crate::server::Home;
use crate::timing::median;

/// Copies the key that is there, with another id and digest.
const FILL: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO credentials (id, kind, name, account_id, environment_id, scopes, created_at, updated_at,
                             pepper_version, digest)
    SELECT randomblob(20), 'key', 'key ' || i, account_id, environment_id, scopes, created_at,
           created_at, pepper_version, randomblob(32)
    FROM n, (SELECT account_id, environment_id, scopes, created_at, pepper_version FROM credentials LIMIT 1)";
/// The columns that a view needs of a key.
const READ: &str = "SELECT id, kind, name, account_id, environment_id, scopes, pepper_version, digest FROM credentials";

pub(super) fn measure(effort: Effort) -> [Table; 2] {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let count: u64 = effort.of(1_000_000, 10_000);
    let homes = [10, count].map(|count| filled(&runtime, count));
    let note = format!(
        "A database with {} keys in the cache of the operating system. The rows are read by one query, and dropped.",
        label(count)
    );
    let mut opening = Table::new("database", "Opening a database", &note, &["seconds"]);
    let [read, opened] = opening_times(&runtime, &homes[1]);
    opening.row("the rows alone", vec![Some(read)]);
    opening.row("countersign", vec![Some(opened)]);
    let note = "A whole process of the command line, without a server.";
    let columns = [
        format!("ms with {}", label(10)),
        format!("ms with {}", label(count)),
    ];
    let columns = columns.each_ref().map(String::as_str);
    let mut commands = Table::new("commands", "Commands", note, &columns);
    let times = homes.map(|home| command_times(&home, effort.of(7, 3)));
    for (index, name) in ["key create", "key revoke"].iter().enumerate() {
        commands.row(name, times.iter().map(|times| Some(times[index])).collect());
    }
    [opening, commands]
}

/// Measures the opening of a database alone, for a profile.
pub(crate) fn opening(keys: u64) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let home = filled(&runtime, keys);
    let [read, opened] = opening_times(&runtime, &home);
    println!("the rows alone: {read:.2} s, countersign: {opened:.2} s");
}

/// Returns the median seconds of reading the rows alone, and of opening a store.
fn opening_times(runtime: &Runtime, home: &Home) -> [f64; 2] {
    let (mut read, mut opened) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        read.push(runtime.block_on(rows(&home.database())));
        opened.push(runtime.block_on(open(&home.database())));
    }
    [median(&mut read), median(&mut opened)]
}

fn filled(runtime: &Runtime, count: u64) -> Home {
    let home = Home::new("");
    runtime.block_on(async {
        let store = Store::open(options(&home.database())).await.unwrap();
        let first = NewKey::new("first", SCOPES.parse().unwrap());
        let operator = Caller::operator("performance");
        store.create_key(&operator, first).await.unwrap();
        store.close().await.unwrap();
        let mut connection = connect(&home.database()).await;
        let count = i64::try_from(count).unwrap() - 1;
        sqlx::query(FILL)
            .bind(count)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    });
    home
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap()
}

async fn rows(path: &Path) -> f64 {
    let begun = Instant::now();
    let mut connection = connect(path).await;
    for row in sqlx::query(READ).fetch_all(&mut connection).await.unwrap() {
        black_box((row.get::<&[u8], _>(0).len(), row.get::<&[u8], _>(7).len()));
    }
    connection.close().await.unwrap();
    begun.elapsed().as_secs_f64()
}

fn options(path: &Path) -> StoreOptions {
    let mut options = StoreOptions::new(format!("sqlite://{}", path.display()));
    options.contents = ViewContents::Everything;
    // Nothing follows the change log here.
    options.max_staleness = Duration::from_secs(3600);
    options
}

async fn open(path: &Path) -> f64 {
    let begun = Instant::now();
    let store = Store::open(options(path)).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    store.close().await.unwrap();
    seconds
}

/// Returns the median milliseconds of `key create` and `key revoke`.
fn command_times(home: &Home, rounds: usize) -> [f64; 2] {
    let (mut create, mut revoke) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let begun = Instant::now();
        let (id, _) = home.create_key(&format!("round {round}"));
        create.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        home.json(&["key", "revoke", &id]);
        revoke.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    [median(&mut create), median(&mut revoke)]
}
