//! Credentials from TOML files, htpasswd files and environment variables.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod abuse;
mod errors;
mod fixture;
mod htpasswd;
mod keys;
mod log;
mod reload;
mod tokens;
mod users;
