//! Opaque tokens, about which their issuer is asked (RFC 7662).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod answers;
mod calls;
mod configuration;
mod faults;
mod presence;
mod selection;
mod support;
