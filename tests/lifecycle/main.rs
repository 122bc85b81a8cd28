//! The lifecycle of credentials: random operations on a simple model and on the library, the store or the server, whose
//! states are compared after each operation.
//!
//! To run more random walks, from another seed:
//!
//! ```text
//! LIFECYCLE_WALKS=1000 LIFECYCLE_SEED=7 cargo nextest run --release -p countersign-tests --test lifecycle
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod administrators;
mod backend;
mod creators;
mod database;
mod denials;
#[path = "../server/harness/mod.rs"]
#[expect(dead_code, reason = "the harness belongs to the tests of the server")]
mod harness;
mod library;
mod limits;
mod model;
mod random_walk;
mod remote;
mod revoked_callers;
mod signing_key_rotation;
mod verifier;

use library::Library;
use random_walk::walk;
use remote::{Interface, Remote};

/// Returns the seeds of the walks: `fewest`, or `LIFECYCLE_WALKS` if it is set.
fn seeds(fewest: u64) -> std::ops::Range<u64> {
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let first = number("LIFECYCLE_SEED").unwrap_or(1);
    first..first + number("LIFECYCLE_WALKS").unwrap_or(fewest)
}

#[test]
fn in_memory_registry_behaves_as_the_model() {
    seeds(100).for_each(|seed| walk(&mut Library::in_memory(), seed, 60));
}

#[test]
fn store_behaves_as_the_model_also_after_it_was_reopened() {
    seeds(12).for_each(|seed| walk(&mut Library::on_disk(), seed, 60));
}

#[test]
fn server_behaves_as_the_model_when_changed_over_http() {
    seeds(4).for_each(|seed| walk(&mut Remote::new(Interface::Http), seed, 40));
}

#[test]
fn server_behaves_as_the_model_when_changed_by_the_command_line() {
    seeds(2).for_each(|seed| walk(&mut Remote::new(Interface::CommandLine), seed, 30));
}
