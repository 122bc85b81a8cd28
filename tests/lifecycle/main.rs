//! Credentials live and die as the model says, whichever way they are changed: random walks, each step compared.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod library;
mod model;
mod walk;

use library::Library;
use walk::walk;

#[test]
fn library_in_memory_does_what_the_model_says() {
    for seed in 1..=300 {
        walk(&mut Library::in_memory(), seed, 60);
    }
}

#[test]
fn store_does_what_the_model_says_also_after_it_was_opened_again() {
    for seed in 1..=12 {
        walk(&mut Library::on_disk(), seed, 60);
    }
}
