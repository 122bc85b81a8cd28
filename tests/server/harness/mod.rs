//! What the tests stand on: the binary, a home for its files, a running server, an HTTP client, and the
//! programs of other languages.

#![allow(
    unused_imports,
    reason = "`tests/clients` stands on it too, and neither needs all of it"
)]

mod client;
mod home;
mod server;
mod third_party;

use std::thread;
use std::time::{Duration, Instant};

pub(crate) use client::{Header, Response, api_key, basic, bearer};
pub(crate) use home::{Home, IssuedKey};
pub(crate) use server::Server;
pub(crate) use third_party::{Language, scratch};

/// Looks at something outside this process until it has happened, or too much time has passed.
#[track_caller]
pub(crate) fn wait_for<T>(
    what: &str,
    at_most: Duration,
    mut happened: impl FnMut() -> Option<T>,
) -> T {
    let begun = now();
    loop {
        if let Some(seen) = happened() {
            return seen;
        }
        assert!(begun.elapsed() < at_most, "{what}: not within {at_most:?}");
        pause();
    }
}

/// The moment, to bound how long another process may take.
#[expect(
    clippy::disallowed_methods,
    reason = "another process has a clock of its own"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at another process, which tells nobody"
)]
fn pause() {
    thread::sleep(Duration::from_millis(5));
}
