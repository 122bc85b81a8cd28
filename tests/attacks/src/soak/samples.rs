//! The memory and the descriptors of the server in the course of time.

use std::time::Duration;

use rustix::process::Pid;
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use crate::report::{Report, mebibytes};
use crate::server::{descriptors, resident};

const PERIOD: Duration = Duration::from_secs(1);
/// The part of the last process's time that is left out: the memory grows until each thread has served requests.
const WARM_UP: usize = 4;
/// The time after which slopes mean something.
const MIN_MINUTES: f64 = 2.0;

/// What one process used, once a second.
#[derive(Default)]
pub(super) struct Samples {
    /// Minutes, bytes.
    memory: Vec<(f64, f64)>,
    /// Minutes, number.
    descriptors: Vec<(f64, f64)>,
}

impl Samples {
    /// Takes samples until `end`, and keeps those of the last process.
    pub(super) async fn take(end: Instant, mut pid: watch::Receiver<Pid>) -> Self {
        let mut samples = Self::default();
        let mut ticks = interval(PERIOD);
        let begun = Instant::now();
        while Instant::now() < end {
            ticks.tick().await;
            if pid.has_changed().unwrap_or(false) {
                samples = Self::default();
            }
            let process = *pid.borrow_and_update();
            let minutes = begun.elapsed().as_secs_f64() / 60.0;
            if let (Some(memory), Some(open)) = (resident(process), descriptors(process)) {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                let (memory, open) = (memory as f64, open as f64);
                samples.memory.push((minutes, memory));
                samples.descriptors.push((minutes, open));
            }
        }
        samples
    }

    /// Reports the slopes, and checks that they do not exceed these limits in a minute.
    pub(super) fn check(&self, memory_limit: f64, descriptor_limit: f64, report: &mut Report) {
        let first = self.memory.len() / WARM_UP;
        let memory = self.memory.get(first..).unwrap_or_default();
        let open = self.descriptors.get(first..).unwrap_or_default();
        report.figure("samples of the last process", memory.len());
        for (name, samples) in [
            ("memory at first", memory.first()),
            ("memory at last", memory.last()),
        ] {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number of bytes"
            )]
            let bytes = samples.map_or(0, |(_, bytes)| *bytes as u64);
            report.figure(name, mebibytes(bytes));
        }
        let minutes =
            memory.last().map_or(0.0, |last| last.0) - memory.first().map_or(0.0, |first| first.0);
        if minutes < MIN_MINUTES {
            report.figure("slopes", "none, the last process ran for too short a time");
            return;
        }
        let (memory, open) = (slope(memory), slope(open));
        report.check(
            "the memory is flat",
            memory < memory_limit,
            format!("{:.0} KiB in a minute", memory / 1024.0),
        );
        report.check(
            "the descriptors are flat",
            open < descriptor_limit,
            format!("{open:.2} in a minute"),
        );
    }
}

/// Returns the slope of the straight line with the least squares; 0 if there is none.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = f64::from(u32::try_from(points.len()).unwrap_or(u32::MAX));
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let covariance: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    let variance: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if variance > 0.0 {
        covariance / variance
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_of_a_straight_line_is_exact() {
        let line: Vec<_> = (0..10).map(f64::from).map(|x| (x, 3.0 * x + 1.0)).collect();
        assert!((slope(&line) - 3.0).abs() < 1e-9);
        assert_eq!(slope(&[(1.0, 1.0)]), 0.0);
        assert_eq!(slope(&[]), 0.0);
    }
}
