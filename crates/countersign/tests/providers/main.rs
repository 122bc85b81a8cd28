//! Tokens and key sets of identity providers, as they are documented.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod accepted;
mod broken;
mod documents;
mod every_provider;
mod server;
mod several_issuers;
mod shared_key_sets;
mod support;
mod tokens;
