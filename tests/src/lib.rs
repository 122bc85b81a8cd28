//! A kit for tests against hostile tokens: tokens with any flaw, a gate to send them to, and the whole
//! verdict.
//!
//! Nothing here goes through the library that it tests: tokens are put together from raw bytes and
//! signed with aws-lc-rs directly.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::exhaustive_enums,
    clippy::missing_panics_doc,
    reason = "test kit"
)]

pub mod craft;
pub mod gate;
pub mod keys;
pub mod memory;
pub mod object;
pub mod xorshift;

pub use craft::{Craft, b64, compact};
pub use gate::{Gate, Outcome};
pub use keys::{Key, key};
pub use memory::{Memory, Nothing};
pub use object::Object;

/// The present second of every test: 2026-03-15T12:00:00Z.
pub const NOW: i64 = 1_773_576_000;

pub const OURS: &str = "https://auth.example";
pub const FOREIGN: &str = "https://login.example";
pub const AUDIENCE: &str = "https://api.example";
/// The subject of our tokens.
pub const SUBJECT: &str = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
