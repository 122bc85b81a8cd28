//! The resources beside the wires: managed tokens, sessions, introspection and revocation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod answer;
mod creation;
mod fixture;
mod idempotency;
mod introspection;
mod meanwhile;
mod mounting;
mod pages;
mod reach;
mod refusals;
mod revocation;
mod seed_002;
mod sessions;
mod states;
mod unavailable;
