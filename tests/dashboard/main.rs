//! The dashboard of the server binary: what it rejects, and its pages in Chromium.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the harness belongs to the tests of the server"
)]

#[path = "../server/harness/mod.rs"]
mod harness;

mod browser;
mod confirmation;
mod cross_site;
mod fixture;
mod headers;
mod sessions;
mod sign_in;
