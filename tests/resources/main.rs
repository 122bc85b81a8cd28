//! The resources beside the token endpoints: managed tokens, sessions, introspection and revocation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod cookies;
mod creation;
mod cross_site;
mod fixture;
mod idempotency;
mod introspection;
mod isolation;
mod limits;
mod managed_document;
mod mounting;
mod pagination;
mod rejections;
mod response;
mod revocation;
mod revoked_while_waiting;
mod sessions;
mod tenants;
mod transitions;
mod unavailable;
