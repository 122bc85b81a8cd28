//! Programs that know the standards, or a document, and nothing of this project, against the real server.
//!
//! What they are is pinned in `tests/third_party`, and `tests/setup` installs it.

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
    reason = "the harness is the server tests', and not all of it is needed here"
)]

#[path = "../server/harness/mod.rs"]
mod harness;
mod issuer_by_url;
mod oauth2_crate;
mod oauth_programs;
mod openapi_document;
mod own_document;
mod schemathesis;
mod wire_documents;
mod wires_readme;
