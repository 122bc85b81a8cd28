//! Third-party OAuth and OpenAPI clients against the server binary.
//!
//! `tests/third_party` pins their versions, and `tests/setup` installs them.

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

#[path = "../server/harness/mod.rs"]
mod harness;
mod issuer_by_url;
mod oauth2_crate;
mod oauth_programs;
mod opaque_tokens;
mod openapi_document;
mod outbound;
mod own_document;
mod schemathesis;
mod token_requests;
mod wire_documents;
mod wires_readme;
