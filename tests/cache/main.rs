//! The cache of verified tokens: what is cached, when it is used, and that no decision depends on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod bounds;
mod comparison;
mod external;
mod fixture;
mod revoked;
