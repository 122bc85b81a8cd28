//! Times, and their quantiles.

use std::fmt;
use std::time::Duration;

/// The quantiles of a list of times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quantiles {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl Quantiles {
    pub(crate) fn of(times: &[Duration]) -> Self {
        let mut times = times.to_vec();
        times.sort_unstable();
        let at = |share: usize| {
            let index = (times.len() * share / 100).min(times.len().saturating_sub(1));
            times.get(index).copied().unwrap_or_default()
        };
        Self {
            p50: at(50),
            p99: at(99),
            max: at(100),
        }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = [self.p50, self.p99, self.max].map(millis);
        write!(f, "p50 {p50} ms, p99 {p99} ms, max {max} ms")
    }
}

/// Formats a time in milliseconds, with one digit after the point below 100.
pub(crate) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match millis < 100.0 {
        true => format!("{millis:.1}"),
        false => format!("{millis:.0}"),
    }
}

/// Prints a limit and whether it holds.
pub(crate) fn check(what: &str, holds: bool) -> bool {
    println!("{} {what}", if holds { "PASS" } else { "FAIL" });
    holds
}
