//! Keys fetched from other issuers: what comes over the wire, and what it costs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod discovery;
mod faults;
mod lifecycle;
mod support;
mod tls;
mod unknown_keys;
