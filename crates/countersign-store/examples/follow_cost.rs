//! Measures what it costs to look for changes of other processes in a database that does not change.
//!
//! `cargo run --release -p countersign-store --example follow_cost`

#![allow(clippy::disallowed_methods, reason = "this program measures time")]

use std::error::Error;
use std::time::Instant;

use countersign_store::{Store, StoreOptions};

const LOOKS: u32 = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("countersign.db");
    let mut options = StoreOptions::new(format!("sqlite://{}", file.display()));
    options.poll_period = None;
    let store = Store::open(options).await?;
    let begin = Instant::now();
    for _ in 0..LOOKS {
        store.catch_up().await?;
    }
    let each = begin.elapsed() / LOOKS;
    let share = each.as_secs_f64() / 0.020 * 100.0;
    println!("{each:?} for a look, {share:.2} % of the time with one every 20 ms");
    Ok(store.close().await?)
}
