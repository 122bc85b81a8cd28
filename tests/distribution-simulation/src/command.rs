//! The command line.

use std::env;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::statistics::Statistics;
use crate::variant::Variant;
use crate::world::{Violation, run as run_seed};

struct Arguments {
    seeds: u64,
    first: u64,
    only: Option<u64>,
    variant: Option<Variant>,
}

pub(crate) fn run() -> ExitCode {
    let Some(arguments) = read(env::args().skip(1)) else {
        let variants = Variant::ALL.map(Variant::name).join(" | ");
        eprintln!(
            "usage: countersign-distribution-simulation [--seeds COUNT] [--first SEED] [--seed SEED] [--variant VARIANT]\n\
             VARIANT: {variants}"
        );
        return ExitCode::from(2);
    };
    if let Some(seed) = arguments.only {
        let (_, violation) = run_seed(seed, arguments.variant, true);
        return end(violation.map(|violation| (seed, violation)));
    }
    #[allow(
        clippy::disallowed_methods,
        reason = "the command prints how long it took"
    )]
    let began = Instant::now();
    let (mut statistics, violation) = run_seeds(&arguments);
    statistics.print();
    println!("{:.1} s", began.elapsed().as_secs_f64());
    end(violation)
}

fn end(violation: Option<(u64, Violation)>) -> ExitCode {
    match violation {
        None => {
            println!("the claim holds");
            ExitCode::SUCCESS
        }
        Some((seed, violation)) => {
            println!("the claim does not hold: seed {seed}, {violation}");
            ExitCode::FAILURE
        }
    }
}

fn read(mut arguments: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut read = Arguments {
        seeds: 10_000,
        first: 0,
        only: None,
        variant: None,
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--seeds" => read.seeds = value.parse().ok()?,
            "--first" => read.first = value.parse().ok()?,
            "--seed" => read.only = Some(value.parse().ok()?),
            "--variant" => {
                let found = Variant::ALL.into_iter().find(|v| v.name() == value);
                read.variant = Some(found?);
            }
            _ => return None,
        }
    }
    Some(read)
}

/// Runs the seeds on all processors, until one violates the claim.
fn run_seeds(arguments: &Arguments) -> (Statistics, Option<(u64, Violation)>) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(arguments.first);
    let end = arguments.first.saturating_add(arguments.seeds);
    let work = || {
        let mut all = Statistics::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return (all, None);
            }
            let (statistics, violation) = run_seed(seed, arguments.variant, false);
            all.add(statistics);
            if let Some(violation) = violation {
                // The other threads stop, too.
                next.store(end, Ordering::Relaxed);
                return (all, Some((seed, violation)));
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = (Statistics::default(), None);
        for worker in workers {
            let (statistics, violation) = worker.join().expect("a run panicked");
            all.0.add(statistics);
            all.1 = all.1.or(violation);
        }
        all
    })
}
