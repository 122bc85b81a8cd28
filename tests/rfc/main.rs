//! What the RFCs and advisories say must be refused, row by row of the threat table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod claims;
mod claims_set;
mod claims_time;
mod encoding;
mod examples;
mod generator;
mod header;
mod jwks;
mod key_choice;
mod key_files;
mod managed;
mod mutation;
mod properties;
mod rsa;
mod second_opinion;
mod sessions;
mod signature;
mod smoke;
