use crate::directory::{Networks, PasswordHash, UserName};
use crate::scope::Scopes;
use crate::time::Timestamp;

/// A credential as a file describes it.
pub(super) struct Entry {
    /// The number of the line at which it begins, from 1.
    pub(super) line: usize,
    pub(super) credential: EntryCredential,
    pub(super) scopes: Scopes,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) allow_from: Networks,
}

pub(super) enum EntryCredential {
    /// A key of our own form.
    Key {
        name: Box<str>,
        /// The digest of its secret.
        digest: [u8; 32],
    },
    /// A key that another system issued.
    WholeKey {
        name: Box<str>,
        /// The digest of the whole key.
        sha256: [u8; 32],
    },
    User(UserName, PasswordHash),
}
