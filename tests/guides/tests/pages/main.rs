//! The pages of `docs`: their commands are run, their links resolve, and each is in the table of contents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod commands;
mod identity_providers;
mod links;
mod output;
mod page;
mod programs;
mod rust;
mod shell;
