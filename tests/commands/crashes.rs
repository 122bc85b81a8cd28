//! Crashes the program again and again at random times, and checks all data after each crash.
//!
//!     cargo run --release -p countersign-tests --example crashes -- \
//!         [--kills 1000] [--power-losses 500] [--seed 7] [--binary PATH]
//!
//! Four workers create and change keys, by commands and over HTTP, until the server and the running commands are killed,
//! or until the power is lost: then only synchronised data survives, and possibly a part of the rest. After a restart,
//! every acknowledged change must be present; a change that was not acknowledged must be present completely or not at
//! all. Revoked keys must be rejected and active ones accepted, tokens from before a revocation must be rejected, and the
//! database and the audit must be intact.
//!
//! The seed determines the operations and the times of the crashes, but not the scheduling of the processes. The command
//! stops at the first violation, prints the seed and the number of the crash, and keeps the folder.

#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a command that measures time"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

#[path = "../faults/harness/mod.rs"]
mod harness;

use harness::{Campaign, Kind, Program, Violation};

struct Arguments {
    kills: usize,
    power_losses: usize,
    seed: u64,
    binary: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("usage: crashes [--kills N] [--power-losses N] [--seed N] [--binary PATH]");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(violation) => {
            println!("VIOLATION: {violation}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments {
        kills: 1000,
        power_losses: 500,
        seed: 7,
        binary: None,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given.next()?;
        match name.as_str() {
            "--kills" => arguments.kills = value.parse().ok()?,
            "--power-losses" => arguments.power_losses = value.parse().ok()?,
            "--seed" => arguments.seed = value.parse().ok()?,
            "--binary" => arguments.binary = Some(value.into()),
            _ => return None,
        }
    }
    Some(arguments)
}

fn run(arguments: &Arguments) -> Result<(), Violation> {
    let binary = arguments.binary.clone();
    let binary = binary.unwrap_or_else(|| Program::build(true));
    let begun = Instant::now();
    let mut campaign = Campaign::new(&binary, arguments.seed)?;
    for (kind, times) in [
        (Kind::Kill, arguments.kills),
        (Kind::PowerLoss, arguments.power_losses),
    ] {
        for number in 1..=times {
            campaign.crash(kind)?;
            if number % 100 == 0 {
                println!(
                    "{number} of {times} ({kind:?}) after {:.0?}",
                    begun.elapsed()
                );
            }
        }
    }
    let report = campaign.report();
    println!(
        "seed {}: no violation in {} kills and {} power losses of {} databases in {:.0?}; {} operations were \
         acknowledged, {} were interrupted; keys and tokens were accepted {} times and rejected {} times",
        arguments.seed,
        report.kills,
        report.power_losses,
        report.databases,
        begun.elapsed(),
        report.acknowledged,
        report.interrupted,
        report.accepted,
        report.rejected,
    );
    Ok(())
}
