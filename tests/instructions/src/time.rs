//! Measures nanoseconds. The paths take turns, so that a change of the machine affects all of them.

use std::time::Instant;

use crate::paths::{BASELINE, PATHS, Path, path};

const ROUNDS: usize = 40;
/// The nanoseconds of one measurement, about.
const SLICE: u128 = 2_000_000;

struct Measured {
    name: &'static str,
    run: Path,
    times: u64,
    nanoseconds: Vec<f64>,
}

pub(crate) fn print() {
    // Tokens that are presented once cannot be presented in every round.
    let names = PATHS.iter().filter(|name| !name.contains("distinct"));
    let mut all: Vec<Measured> = names.map(|name| prepare(name)).collect();
    for _ in 0..ROUNDS {
        for measured in &mut all {
            let per_run = elapsed(&mut measured.run, measured.times);
            measured.nanoseconds.push(per_run);
        }
    }
    let medians: Vec<(&str, f64)> = all
        .iter_mut()
        .map(|measured| (measured.name, median(&mut measured.nanoseconds)))
        .collect();
    let baseline = medians.iter().find(|(name, _)| *name == BASELINE);
    let baseline = baseline.expect("the baseline is a path").1;
    println!("       ns  / {BASELINE}  path");
    for (name, nanoseconds) in medians {
        println!(
            "{nanoseconds:>9.1}  {:>8.2}  {name}",
            nanoseconds / baseline
        );
    }
}

fn prepare(name: &'static str) -> Measured {
    let mut run = path(name).expect("a path of the list");
    let mut times = 1;
    while times < 2500 {
        let begun = Instant::now();
        run(times);
        if begun.elapsed().as_nanos() > SLICE {
            break;
        }
        times *= 2;
    }
    Measured {
        name,
        run,
        times: times.min(2500),
        nanoseconds: Vec::new(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times and repetitions are far below 2^53"
)]
fn elapsed(run: &mut Path, times: u64) -> f64 {
    let begun = Instant::now();
    run(times);
    begun.elapsed().as_nanos() as f64 / times as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
