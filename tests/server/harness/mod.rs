//! The harness: the server binary, a home for its files, a running server, an HTTP client, and third-party programs.

#![allow(
    unused_imports,
    reason = "several test binaries share the harness, and none needs all of it"
)]

mod client;
mod home;
mod server;
mod third_party;
mod tls;

use std::thread;
use std::time::{Duration, Instant};

pub(crate) use client::{Header, Response, api_key, basic, bearer, send};
pub(crate) use home::{Home, IssuedKey, MASTER_KEY, built};
pub(crate) use server::Server;
pub(crate) use third_party::{Language, third_party_folder};
pub(crate) use tls::TlsFiles;

/// Polls a condition outside this process until it returns a value; panics after `at_most`.
#[track_caller]
pub(crate) fn wait_for<T>(
    what: &str,
    at_most: Duration,
    mut happened: impl FnMut() -> Option<T>,
) -> T {
    let begun = now();
    loop {
        if let Some(value) = happened() {
            return value;
        }
        assert!(begun.elapsed() < at_most, "{what}: not within {at_most:?}");
        pause();
    }
}

/// Returns the current time, to limit the time that another process may take.
#[expect(
    clippy::disallowed_methods,
    reason = "another process has its own clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process cannot wake this one"
)]
fn pause() {
    thread::sleep(Duration::from_millis(5));
}
