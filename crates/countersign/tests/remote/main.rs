//! Keys that are fetched from external issuers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod connections;
mod discovery;
mod faults;
mod lifecycle;
mod support;
mod tls;
mod unknown_keys;
