//! Tokens in a cookie: when the cookie counts, what the inner service sees, and requests of other sites.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod cross_site;
mod presence;
mod primary;
mod support;
mod tokens;
