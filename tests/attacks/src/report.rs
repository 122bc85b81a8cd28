//! The figures and limits that a command prints.

use std::fmt::Display;
use std::time::Duration;

/// Prints figures, and remembers whether a limit was exceeded.
#[derive(Default)]
pub(crate) struct Report {
    failures: usize,
}

impl Report {
    pub(crate) fn title(&mut self, title: &str) {
        println!("\n== {title}");
    }

    pub(crate) fn figure(&mut self, name: &str, value: impl Display) {
        println!("{name:<34} {value}");
    }

    /// Prints whether a limit holds.
    pub(crate) fn check(&mut self, limit: &str, holds: bool, seen: impl Display) {
        let word = if holds { "PASS" } else { "FAIL" };
        println!("{word}  {limit}: {seen}");
        self.failures += usize::from(!holds);
    }

    /// Returns whether all limits held.
    pub(crate) fn passed(&self) -> bool {
        self.failures == 0
    }
}

/// Formats a number of bytes.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// Formats a duration in milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
