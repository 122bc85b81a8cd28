//! Runs the programs as a user does, and sends them accepted and rejected requests.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod files;
mod program;
mod services;
mod signed_requests;
