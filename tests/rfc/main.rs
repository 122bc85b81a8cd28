//! Tokens and keys that RFCs and advisories require a verifier to reject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod against_jsonwebtoken;
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
mod odd_jwks;
mod properties;
mod rsa;
mod sessions;
mod signature;
mod valid;
