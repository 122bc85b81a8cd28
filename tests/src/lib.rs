//! Support for tests with hostile tokens: a builder of tokens with any flaw, and a harness that sends them through
//! an `AuthLayer`.
//!
//! The builder does not use the library under test: it composes tokens from raw bytes and signs them with
//! aws-lc-rs.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::exhaustive_enums,
    clippy::missing_panics_doc,
    reason = "test support"
)]

pub mod authority;
pub mod counting_directory;
pub mod encoding;
pub mod gateway_examples;
pub mod harness;
pub mod keys;
pub mod memory_credentials;
pub mod object;
pub mod throttling;
pub mod token_builder;
pub mod xorshift;

pub use authority::{Authority, IssuedCertificate};
pub use counting_directory::CountingDirectory;
pub use encoding::{basic, claims, header};
pub use gateway_examples::{GatewayExample, GatewayPorts};
pub use harness::{Harness, Observed};
pub use keys::{Key, key};
pub use memory_credentials::{EmptyService, MemoryCredentials};
pub use object::Object;
pub use throttling::ThrottlingMechanism;
pub use token_builder::{TokenBuilder, base64url, compact};

/// The time of every test in Unix seconds: 2026-03-15T12:00:00Z.
pub const NOW: i64 = 1_773_576_000;

/// The issuer of the service itself, whose tokens carry generations.
pub const OWN_ISSUER: &str = "https://auth.example";
/// An external issuer, such as an identity provider.
pub const EXTERNAL_ISSUER: &str = "https://login.example";
pub const AUDIENCE: &str = "https://api.example";
/// The subject of tokens of the own issuer.
pub const SUBJECT: &str = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
