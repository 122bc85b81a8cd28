//! Programs that know the standards, or a document, and nothing of this project, against the real server.
//!
//! What they are is pinned in `tests/foreign`, and `tests/setup` installs it.

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
    reason = "the harness is the server tests', and not all of it is needed here"
)]

mod document;
#[path = "../server/harness/mod.rs"]
mod harness;
mod issuers;
mod oauth;
mod oauth2;
mod own;
mod pages;
mod schemathesis;
mod seeds;
