//! The token endpoints: exact responses, rejection of bearer tokens, malformed bodies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod bodies;
mod chaining;
mod challenges;
mod client_certificates;
mod cross_site;
mod derived_credentials;
mod documents;
mod expected_responses;
mod fixture;
mod metadata;
mod oauth;
mod order_of_checks;
mod scopes;
mod sessions;
mod statuses;
mod throttled;
mod uniform_failures;
