//! The real `countersign` binary, started as users start it, and clients of other languages that do not
//! know it. What they need comes from `tests/setup`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program: what goes wrong ends the test"
)]

mod harness;

mod accounts;
mod admin;
mod audit;
mod backup;
mod client_address;
mod doctor;
mod endurance;
mod first_start;
mod foreign_clients;
mod foreign_tokens;
mod issuers;
mod lifecycle;
mod limits;
mod restart;
mod revocation;
mod rotation_of_secrets;
mod secrets;
mod sessions;
mod signing_keys;
mod tokens;
mod usage;
mod users;
mod wires;
