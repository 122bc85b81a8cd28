//! The same responses on every server stack: axum, hyper, tonic and a gateway. [`stack::ALL`] lists the HTTP stacks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod api_keys;
mod basic;
mod client;
mod client_certificates;
mod cookies;
mod fixture;
mod freshness;
mod grpc;
mod outcomes;
mod password_cache;
mod password_fixture;
mod password_limits;
mod presence;
mod raw;
mod resource_metadata;
mod stack;
