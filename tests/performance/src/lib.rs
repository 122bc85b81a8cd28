//! Measurements, beside other programs and libraries, and the page that shows them, `docs/performance.md`.
//!
//! ```text
//! cargo run --release -p countersign-performance                        # all parts, and the page
//! cargo run --release -p countersign-performance -- http mint           # two parts, and the page with the last results of others
//! cargo run --release -p countersign-performance -- forward-auth         # gateways that ask, and their figures in docs/gateways.md
//! cargo run --release -p countersign-performance -- --quick             # a try: less time for each figure, and no page
//! cargo run --release -p countersign-performance -- cold-build          # how long the server takes to compile from an empty folder
//! ```
//!
//! A part writes its figures to `target/performance`, from which the page is rendered. Run it on a machine that does nothing
//! else. What is compared takes turns in one run, because the speed of a machine changes from one second to the next.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::exhaustive_enums,
    clippy::missing_panics_doc,
    clippy::cast_precision_loss,
    clippy::needless_pass_by_value,
    missing_debug_implementations,
    reason = "a measurement, which ends at the first error"
)]

mod build;
mod cold_build;
mod forward_auth;
mod growth;
mod http;
pub mod in_process;
mod mint;
mod page;
mod process;
mod report;
mod requests;
mod server;
mod timing;
mod versions;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::report::Part;

/// How long is measured.
#[derive(Clone, Copy, Debug)]
struct Effort {
    quick: bool,
}

impl Effort {
    /// Returns the first number, or the second one for a try.
    fn of<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

#[derive(Parser)]
#[command(about = "Measures authentication and minting, and renders docs/performance.md")]
struct Arguments {
    /// The parts to measure; by default all but cold-build.
    parts: Vec<PartName>,
    /// Measures briefly, and renders the page into target/performance.
    #[arg(long)]
    quick: bool,
    /// Measures nothing, and renders the page from the last results.
    #[arg(long)]
    render: bool,
    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PartName {
    InProcess,
    Http,
    Mint,
    Growth,
    ForwardAuth,
    ColdBuild,
}

/// What this program runs as a child process of its own.
#[derive(Subcommand)]
enum Child {
    /// Takes a path a number of times, for valgrind.
    #[command(hide = true)]
    Take { path: String, times: u64 },
    /// Serves HTTP on a free port, which it prints.
    #[command(hide = true)]
    Serve {
        service: http::services::Service,
        algorithm: String,
    },
    /// Measures memory, and prints it as JSON.
    #[command(hide = true)]
    Memory {
        subject: growth::memory::Subject,
        count: u64,
    },
    /// Opens a database with this many keys, and prints how many seconds it takes.
    #[command(hide = true)]
    Opening { keys: u64 },
    /// Authenticates on several threads, and prints how many requests a second.
    #[command(hide = true)]
    Cores,
}

/// The folder of the workspace.
fn workspace() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

/// The folder of results and keys.
fn results() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = target
        .unwrap_or_else(|| workspace().join("target"))
        .join("performance");
    std::fs::create_dir_all(&folder).expect("target/performance can be created");
    folder
}

/// Runs what the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.child {
        Some(Child::Take { path, times }) => in_process::take(&path, times),
        Some(Child::Serve { service, algorithm }) => http::services::serve(service, &algorithm),
        Some(Child::Memory { subject, count }) => growth::memory::measure(subject, count),
        Some(Child::Opening { keys }) => growth::opening(keys),
        Some(Child::Cores) => println!("{:?}", growth::cores(Effort { quick: false })),
        None => measure(&arguments),
    }
    ExitCode::SUCCESS
}

fn measure(arguments: &Arguments) {
    let effort = Effort {
        quick: arguments.quick,
    };
    let all = [
        PartName::InProcess,
        PartName::Http,
        PartName::Mint,
        PartName::Growth,
        PartName::ForwardAuth,
    ];
    let parts = match arguments.parts.as_slice() {
        [] if arguments.render => &[],
        [] => &all[..],
        parts => parts,
    };
    if !parts.is_empty() {
        build::build();
    }
    for part in parts {
        let mut measured = match part {
            PartName::InProcess => in_process::measure(effort),
            PartName::Http => http::measure(effort),
            PartName::Mint => mint::measure(effort),
            PartName::Growth => growth::measure(effort),
            PartName::ForwardAuth => forward_auth::measure(effort),
            PartName::ColdBuild => cold_build::measure(effort),
        };
        measured.quick = effort.quick;
        measured.save();
    }
    page::render(&Part::load_all(), arguments.quick);
}
