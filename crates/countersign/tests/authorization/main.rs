//! Requirements on claims and scopes, optional authentication, and what an outer layer learns.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod extractors;
mod optional;
mod refusals;
mod requirements;
mod schemes;
mod support;
