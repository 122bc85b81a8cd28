//! Tests of the public interface of the store.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod backup;
mod clock;
#[cfg(feature = "postgres")]
mod copying;
mod denials;
mod feed;
mod following;
mod imports;
mod issuers;
mod maintenance;
mod managed_tokens;
mod master_key_rotation;
mod nodes;
mod opening;
mod pepper_rotation;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_crashes;
mod records;
mod restore;
mod sealing;
mod service;
mod sessions;
mod signing_keys;
mod support;
mod waiting;
