//! Nodes on one PostgreSQL database: how fast a revocation reaches them, without and with faults, and whether anything that was
//! acknowledged is lost when the database and nodes are killed.
//!
//!     cargo run --release -p countersign-propagation -- measure                 # about eight minutes; an idle machine
//!     cargo run --release -p countersign-propagation -- measure --write         # writes docs/propagation.md, too
//!     cargo run --release -p countersign-propagation -- many                    # only many nodes in one process, in a minute
//!     cargo run --release -p countersign-propagation -- kill                    # 200 kills and 20 promotions
//!     cargo run --release -p countersign-propagation -- rotate                  # 100 rotations of signing keys
//!     cargo run --release -p countersign-propagation -- load                    # a million keys in PostgreSQL, and in SQLite
//!     cargo run --release -p countersign-propagation -- load --write            # writes its part of docs/propagation.md, too
//!
//! Each command starts a PostgreSQL server of its own, prints what it finds, and exits with 1 if a limit was exceeded.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

mod child;
mod cluster;
mod database_stop;
mod figures;
mod freeze;
mod kill;
mod load;
mod measure;
mod node;
mod page;
mod requests;
mod revocations;
mod rotate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measure and check nodes that share a PostgreSQL database, which this command starts.
#[derive(Parser)]
#[command(name = "countersign-propagation")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure how fast revocations reach other nodes, without faults and with them
    Measure(measure::Options),
    /// Measure only how fast revocations reach many nodes in one process
    Many(measure::ManyOptions),
    /// Kill the database and nodes, and promote standbys, while nodes make changes
    Kill(kill::Options),
    /// Rotate signing keys while nodes mint and verify tokens
    Rotate(rotate::Options),
    /// Open nodes on databases with many keys
    Load(load::Options),
    /// Open a store, and print how long it takes and its memory; another command starts it
    #[command(hide = true)]
    Hold(load::HoldOptions),
    /// Run one node; other commands start it
    #[command(hide = true)]
    Node(child::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let passed = match Arguments::parse().command {
        Command::Measure(options) => measure::run(&options).await,
        Command::Many(options) => measure::run_many(&options).await,
        Command::Kill(options) => kill::run(&options).await,
        Command::Rotate(options) => rotate::run(&options).await,
        Command::Load(options) => load::run(&options).await,
        Command::Hold(options) => load::run_hold(&options).await,
        Command::Node(options) => child::run(&options).await,
    };
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
