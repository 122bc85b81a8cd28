//! Gateways as they are packaged, with the configurations of `examples/gateways`, in front of a plain service.
//!
//! nginx and HAProxy are packages of Debian; Caddy and Envoy are pinned in `tests/third_party`. `tests/setup` installs them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the harness belongs to the tests of the server"
)]

mod behaviour;
mod client;
mod fixture;
mod gateway;
#[path = "../server/harness/mod.rs"]
mod harness;
mod identity;
mod service;
mod without_asking;
