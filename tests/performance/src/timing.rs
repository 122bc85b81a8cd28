//! Nanoseconds of paths that take turns, so that a change of the machine affects all of them.

use std::time::Instant;

/// Takes a path this many times.
pub(crate) type Run = Box<dyn FnMut(u64)>;

/// The nanoseconds of one measurement, about.
const SLICE: u128 = 2_000_000;

/// Returns the median nanoseconds of each path.
pub(crate) fn medians(paths: &mut [Run], rounds: usize) -> Vec<f64> {
    let times: Vec<u64> = paths.iter_mut().map(repetitions).collect();
    let mut samples = vec![Vec::with_capacity(rounds); paths.len()];
    for _ in 0..rounds {
        for ((run, times), samples) in paths.iter_mut().zip(&times).zip(&mut samples) {
            samples.push(elapsed(run, *times));
        }
    }
    samples.iter_mut().map(|samples| median(samples)).collect()
}

/// Returns how often a path can be taken in one measurement.
fn repetitions(run: &mut Run) -> u64 {
    let mut times = 1;
    loop {
        let begun = Instant::now();
        run(times);
        if begun.elapsed().as_nanos() > SLICE / 2 {
            return times;
        }
        times *= 2;
    }
}

fn elapsed(run: &mut Run, times: u64) -> f64 {
    let begun = Instant::now();
    run(times);
    begun.elapsed().as_nanos() as f64 / times as f64
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
