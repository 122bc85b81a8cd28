//! The store as its users see it: what it keeps, what it refuses, and what another process sees.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod backup;
mod denials;
mod following;
mod issuers;
mod managed;
mod master_key_rotation;
mod node;
mod opening;
mod pepper_rotation;
mod records;
mod restore;
mod sealing;
mod sessions;
mod signing_keys;
mod support;
mod upkeep;
