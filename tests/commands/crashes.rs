//! Crash after crash of the program, each at a random moment, and a look at everything in between.
//!
//!     cargo run --release -p countersign-tests --example crashes -- \
//!         [--kills 1000] [--power-losses 500] [--seed 7] [--binary PATH]
//!
//! Four workers make and change keys, by commands and over HTTP, until a server and the commands under way
//! are killed, or the power is lost: then only what was synchronised survives, and at most some of the rest.
//! The program is started again, and must have every key as it was acknowledged; what was not acknowledged
//! was done or was not, and nothing of it by half. What is revoked is refused, what lives is let in, tokens
//! from before a revocation are dead, and the database and the audit are sound.
//!
//! The seed decides what is done and when the crash comes; the processes' own pace stays theirs. Ends at the
//! first violation, says which crash of which seed it was, and leaves the folder.

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
            println!("VIOLATED: {violation}");
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
        "seed {}: nothing violated by {} kills and {} power losses of {} databases in {:.0?}; {} operations \
         were acknowledged, {} were cut off; keys and tokens were let in {} times and refused {} times",
        arguments.seed,
        report.kills,
        report.power_losses,
        report.databases,
        begun.elapsed(),
        report.acknowledged,
        report.cut_off,
        report.let_in,
        report.refused,
    );
    Ok(())
}
