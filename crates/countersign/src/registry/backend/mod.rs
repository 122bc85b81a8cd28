//! For implementations of a registry only.
//!
//! A program that uses a registry needs nothing of this module. A storage backend keeps
//! [`StoredCredential`]s, which apply the rules of [`Change`](super::Change) and
//! [`Rotation`](super::Rotation), and answers [`SessionRequest`]s.

mod credential;
mod session;

pub use crate::directory::stored_secret::{
    DigestUpgrade, PasswordUpgrade, SESSION_GENERATION, StoredSecret,
};
pub use crate::key::digest::{KeyDigest, KeyDigests, SecretDigest};
pub use crate::registry::caller_token::CallerToken;
pub use credential::{ChangeEffect, Placement, StoredCredential};
pub use session::{SessionKey, SessionRequest, SessionToken};
