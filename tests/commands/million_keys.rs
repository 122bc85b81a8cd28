//! Measures the time and memory for opening a store with a million keys, and the rows that a million tokens add.
//!
//! ```text
//! cargo run --release -p countersign-tests --example million_keys
//! ```
//!
//! The keys are inserted with one SQL statement instead of a million transactions. One key is created by the registry and
//! mints a million tokens.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::mechanism::ApiKeys;
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, NewKey, Registry as _};
use countersign::time::SystemClock;
use countersign_store::{Store, StoreOptions, ViewContents};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

const KEYS: u32 = 1_000_000;
const TOKENS: u32 = 1_000_000;

const FILL: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO credentials (id, kind, name, account_id, environment_id, scopes, created_at, updated_at,
                             pepper_version, digest)
    SELECT randomblob(20), 'key', 'key ' || i, account_id, environment_id, 'calls:read wallet:*', created_at,
           created_at, pepper_version, randomblob(32)
    FROM n, (SELECT account_id, environment_id, created_at, pepper_version FROM credentials LIMIT 1)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.db");
    let options = || StoreOptions::new(format!("sqlite://{}", path.display()));
    let store = Store::open(options()).await?;
    let new = NewKey::new("one", "calls:read".parse()?);
    let created = store.create_key(&Caller::operator("test"), new).await?;
    store.close().await?;
    let mut connection = connect(&path).await?;
    sqlx::query(FILL)
        .bind(KEYS)
        .execute(&mut connection)
        .await?;
    println!(
        "database    {:.0} bytes a key",
        std::fs::metadata(&path)?.len() as f64 / f64::from(KEYS)
    );
    connection.close().await?;

    for holds in [ViewContents::Denials, ViewContents::Everything] {
        let (before, began) = (resident()?, Instant::now());
        let mut options = options();
        options.contents = holds;
        // Nothing follows the change log here.
        options.max_staleness = Duration::from_secs(3600);
        let store = Store::open(options).await?;
        let grown = resident()?.saturating_sub(before) as f64;
        println!(
            "{holds:<11} {:.2} s to open, {:.0} bytes a key in memory",
            began.elapsed().as_secs_f64(),
            grown / f64::from(KEYS),
            holds = format!("{holds:?}"),
        );
        if holds == ViewContents::Everything {
            mint(&store, &created.issued.key, &path).await?;
        }
        store.close().await?;
    }
    Ok(())
}

async fn mint(store: &Store, key: &countersign::Secret, path: &Path) -> Result<(), Box<dyn Error>> {
    let ring = store.signing_keys("default", None).await?;
    let issuer = Issuer::builder("https://auth.example")
        .signing_keys(ring)
        .build()?;
    let keys = ApiKeys::new(store.directory(), store.peppers());
    let authenticator = Authenticator::builder().primary(keys).build()?;
    let mint = Mint::new(issuer, SystemClock, SystemRandom);
    let before = rows(path).await?;
    let began = Instant::now();
    for _ in 0..TOKENS {
        let principal =
            authenticator.authenticate(Credentials::key(key.clone()), &RequestHead::empty());
        let principal = principal
            .await
            .map_err(|rejection| rejection.reason().label())?;
        let principal = principal.primary().ok_or("not a primary principal")?;
        mint.mint(&MintRequest::new(principal, MintParameters::default()))?;
    }
    let elapsed = began.elapsed().as_secs_f64();
    store.maintain().await?;
    println!(
        "minting     {TOKENS} tokens in {elapsed:.1} s left {} rows",
        rows(path).await? - before
    );
    Ok(())
}

/// Counts the rows of all tables.
async fn rows(path: &Path) -> Result<i64, Box<dyn Error>> {
    let mut connection = connect(path).await?;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .fetch_all(&mut connection)
            .await?;
    let counts: Vec<_> = tables
        .iter()
        .map(|t| format!("SELECT count(*) AS n FROM {t}"))
        .collect();
    let sum = format!("SELECT sum(n) FROM ({})", counts.join(" UNION ALL "));
    let sum = sqlx::query_scalar(sqlx::AssertSqlSafe(sum));
    Ok(sum.fetch_one(&mut connection).await?)
}

async fn connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new().filename(path).connect().await
}

/// Returns the resident memory of this process in bytes.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("VmRSS")?
        .parse()?;
    Ok(kib * 1024)
}
