//! Tokens and key sets of identity providers, as they are documented.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod accepted;
mod documents;
mod server;
mod support;
mod tokens;
