//! The `countersign` binary, started as users start it, and third-party programs that sign and verify tokens, which
//! `tests/setup` installs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod harness;

mod accounts;
mod admin;
mod audit;
mod backup;
mod client_address;
mod client_certificates;
mod connections;
mod credentials_file;
mod doctor;
mod feed;
mod first_start;
mod gateway;
mod health;
mod imported_keys;
mod issuers;
mod lifecycle;
mod limits;
mod managed_tokens;
mod metrics;
mod nodes;
mod postgres;
mod restart;
mod revocation;
mod robustness;
mod secret_leaks;
mod secret_rotation;
mod sessions;
mod signing_keys;
mod third_party_tokens;
mod third_party_verifiers;
mod tls;
mod tokens;
mod trust;
mod usage_errors;
mod users;
mod wires;
