//! What the log says of rejected requests, and where a configuration looks wrong: one warning a minute, for each kind.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod explanations;
#[cfg(feature = "axum")]
mod extractors;
mod options;
mod requirements;
mod support;
mod tokens;
