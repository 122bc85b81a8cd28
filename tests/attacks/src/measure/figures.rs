//! Latencies and statuses of a series of requests.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::message::Response;
use crate::report::milliseconds;

/// The classes of latencies for each factor of e, so that a class is 2 % wide.
const CLASSES: f64 = 50.0;

/// The latencies of requests, and how many had each status.
#[derive(Default)]
pub(crate) struct Figures {
    /// The number of latencies in each class. A long run has millions of requests.
    classes: BTreeMap<u16, usize>,
    statuses: BTreeMap<String, usize>,
    count: usize,
    slowest: Duration,
}

impl Figures {
    pub(crate) fn add(&mut self, result: &io::Result<Response>, latency: Duration) {
        let status = match result {
            Ok(response) => response.status.to_string(),
            Err(error) => error.kind().to_string(),
        };
        *self.statuses.entry(status).or_default() += 1;
        *self.classes.entry(class(latency)).or_default() += 1;
        self.count += 1;
        self.slowest = self.slowest.max(latency);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (class, count) in other.classes {
            *self.classes.entry(class).or_default() += count;
        }
        self.count += other.count;
        self.slowest = self.slowest.max(other.slowest);
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// Returns how many responses had this status.
    pub(crate) fn with_status(&self, status: &str) -> usize {
        self.statuses.get(status).copied().unwrap_or(0)
    }

    /// Returns whether there are responses, and all had this status.
    pub(crate) fn all_have(&self, status: &str) -> bool {
        self.count > 0 && self.with_status(status) == self.count
    }

    /// Returns the latency that this percentage of the requests did not exceed; 0 without requests.
    fn percentile(&self, percent: usize) -> Duration {
        let wanted = (self.count * percent).div_ceil(100);
        let mut seen = 0;
        for (class, count) in &self.classes {
            seen += count;
            if seen >= wanted {
                return latency(*class).min(self.slowest);
            }
        }
        self.slowest
    }

    /// Formats how many responses had each status.
    pub(crate) fn statuses(&self) -> String {
        let statuses = self.statuses.iter();
        let statuses: Vec<_> = statuses.map(|(name, n)| format!("{n} × {name}")).collect();
        statuses.join(", ")
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the logarithm of microseconds is between 0 and 45"
)]
fn class(latency: Duration) -> u16 {
    let microseconds = (latency.as_secs_f64() * 1e6).max(1.0);
    (microseconds.ln() * CLASSES).ceil() as u16
}

/// Returns the longest latency of a class.
fn latency(class: u16) -> Duration {
    Duration::from_secs_f64((f64::from(class) / CLASSES).exp() / 1e6)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, p50 {}, p99 {}, max {}; {}",
            self.count,
            milliseconds(self.percentile(50)),
            milliseconds(self.percentile(99)),
            milliseconds(self.slowest),
            self.statuses()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_two_percent() {
        let mut figures = Figures::default();
        for milliseconds in 1..=100 {
            let failed = Err(io::ErrorKind::TimedOut.into());
            figures.add(&failed, Duration::from_millis(milliseconds));
        }
        for (percent, expected) in [(50, 0.050), (99, 0.099), (100, 0.100)] {
            let seen = figures.percentile(percent).as_secs_f64();
            assert!((seen / expected - 1.0).abs() < 0.021, "{percent}: {seen}");
        }
        assert_eq!(figures.slowest(), Duration::from_millis(100));
        assert_eq!(figures.statuses(), "100 × timed out");
    }
}
