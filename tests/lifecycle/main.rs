//! Credentials live and die as the model says, whichever way they are changed: random walks, each step compared.
//!
//! More of them, and others:
//!
//! ```text
//! LIFECYCLE_WALKS=1000 LIFECYCLE_SEED=7 cargo nextest run --release -p countersign-tests --test lifecycle
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod callers;
mod denial;
#[path = "../server/harness/mod.rs"]
#[expect(dead_code, reason = "made for more than this")]
mod harness;
mod judge;
mod library;
mod model;
mod remote;
mod rotation;
mod walk;

use library::Library;
use remote::{Remote, Way};
use walk::walk;

/// The seeds of as many walks as asked for.
fn seeds(fewest: u64) -> std::ops::Range<u64> {
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let first = number("LIFECYCLE_SEED").unwrap_or(1);
    first..first + number("LIFECYCLE_WALKS").unwrap_or(fewest)
}

#[test]
fn library_in_memory_does_what_the_model_says() {
    seeds(100).for_each(|seed| walk(&mut Library::in_memory(), seed, 60));
}

#[test]
fn store_does_what_the_model_says_also_after_it_was_opened_again() {
    seeds(12).for_each(|seed| walk(&mut Library::on_disk(), seed, 60));
}

#[test]
fn server_changed_over_http_does_what_the_model_says() {
    seeds(4).for_each(|seed| walk(&mut Remote::new(Way::Http), seed, 40));
}

#[test]
fn server_changed_by_the_command_line_does_what_the_model_says() {
    seeds(2).for_each(|seed| walk(&mut Remote::new(Way::CommandLine), seed, 30));
}
