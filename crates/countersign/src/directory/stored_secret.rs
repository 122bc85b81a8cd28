//! Exported from [`registry::backend`](crate::registry::backend), for implementations of a registry.

use std::fmt;
use std::sync::Arc;

use crate::directory::PasswordHash;
use crate::key::{KeyDigest, KeyDigests};

/// The generation of every session. Ending a session denies the generations below the next one.
pub const SESSION_GENERATION: u32 = 1;

/// What a presented secret is verified against.
#[derive(Clone)]
#[non_exhaustive]
pub enum StoredSecret {
    /// The digests of a key's secret.
    Key(KeyDigests),
    /// The digest of a whole key that was issued elsewhere and imported.
    ImportedKey(KeyDigest),
    /// The hash of a password, as a PHC string (`$argon2id$…`).
    Password(Arc<str>),
    /// Nothing: a managed token is verified by its signature.
    Signature,
}

impl StoredSecret {
    /// Returns the version of the pepper of a key's digests; `None` for a password and a signature.
    #[must_use]
    pub const fn pepper(&self) -> Option<u32> {
        match self {
            Self::Key(digests) => Some(digests.current.pepper),
            Self::ImportedKey(digest) => Some(digest.pepper),
            Self::Password(_) | Self::Signature => None,
        }
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key([redacted])",
            Self::ImportedKey(_) => "ImportedKey([redacted])",
            Self::Password(_) => "Password([redacted])",
            Self::Signature => "Signature",
        })
    }
}

/// A key's digest, computed again with the newest pepper when the key was presented.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DigestUpgrade {
    /// The digest to replace. If another digest is stored by now, it stays.
    pub outdated: KeyDigest,
    /// The digest to store.
    pub renewed: KeyDigest,
}

/// The hash of a password, computed again by the hasher's own method when the password was presented.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PasswordUpgrade {
    /// The hash to replace. If another hash is stored by now, it stays.
    pub outdated: PasswordHash,
    /// The hash to store.
    pub renewed: PasswordHash,
}
