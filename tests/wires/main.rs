//! The wires, to the letter: whole answers, the refusal of bearers, every body that is not wanted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod bodies;
mod chaining;
mod failed;
mod fixture;
mod oauth;
mod order;
mod scopes;
mod seeds;
mod sessions;
mod standards;
mod statuses;
mod throttled;
mod words;
