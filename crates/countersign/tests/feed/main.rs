//! A verifier that follows the feed of an issuer in this process. The clock that measures freshness is set by the tests; the timer of
//! tokio is paused, so that no test waits for a time to pass.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod credentials;
mod following;
mod freshness;
mod issuer;
mod rejected_messages;
mod tokens;
