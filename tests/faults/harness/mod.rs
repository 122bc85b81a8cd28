//! The harness of the fault tests and of the command `crashes`: a simulated disk, the program on it, and campaigns of
//! crashes, with a model of the expected data after each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    dead_code,
    unused_imports,
    reason = "the harness of two test programs, which wait for other processes"
)]

mod campaign;
mod check;
mod client;
mod crash;
mod database;
mod disk;
mod model;
mod operation;
mod program;
mod worker;

use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use campaign::Campaign;
pub(crate) use client::Client;
pub(crate) use crash::Kind;
pub(crate) use database::WriteLock;
pub(crate) use disk::{Disk, Switch};
pub(crate) use program::{Program, Server};

/// The time limit for every operation of another process.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A description of an unexpected state.
#[derive(Debug)]
pub(crate) struct Violation(pub(crate) String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Violation {
    fn from(error: io::Error) -> Self {
        Self(format!("the server does not answer: {error}"))
    }
}

/// Returns a [`Violation`] unless `holds`.
pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation(what()))
    }
}

/// Polls a condition outside this process; returns whether it was true in time.
pub(crate) fn within(at_most: Duration, mut happened: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if happened() {
            return true;
        }
        if begun.elapsed() >= at_most {
            return false;
        }
        // Another process cannot wake this one.
        thread::sleep(Duration::from_millis(1));
    }
}
