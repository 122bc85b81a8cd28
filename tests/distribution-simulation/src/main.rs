//! A deterministic simulation of the distribution protocol: many nodes and writers, one database, and faults, in virtual time.
//!
//! ```text
//! cargo run --release -p countersign-distribution-simulation                            # 10,000 seeds
//! cargo run --release -p countersign-distribution-simulation -- --seeds 500 --first 7   # 500 seeds, beginning with 7
//! cargo run --release -p countersign-distribution-simulation -- --seed 42               # one seed, with everything that happens
//! cargo run --release -p countersign-distribution-simulation -- --variant NAME          # a variant that lacks a rule
//! ```
//!
//! `docs/distribution.md` describes the protocol. A seed determines everything that happens, so that a failure can be repeated.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a simulation that is run by its tests, without input"
)]

mod clock;
mod command;
mod database;
mod faults;
mod message;
mod network;
mod node;
mod rules;
mod statistics;
#[cfg(test)]
mod tests;
mod variant;
mod world;
mod writer;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
