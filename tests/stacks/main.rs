//! One table of behaviour, on every stack that the layer is put on. A further stack is one line in
//! [`stack::ALL`].

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
mod fixture;
mod grpc;
mod guessing;
mod house;
mod outcomes;
mod presence;
mod raw;
mod resource_metadata;
mod stack;
