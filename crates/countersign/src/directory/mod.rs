//! Credentials as authentication reads them: [`Directory`] looks them up on every request.
//!
//! A directory is a view in memory that is read without waiting. A
//! [`Registry`](crate::registry::Registry) writes to durable storage and keeps the view up to date.
//! [`MemoryDirectory`] holds all credentials. [`DenySet`] holds none, and is enough for a service that
//! accepts only tokens.
//!
//! ```
//! use countersign::directory::{Directory, MemoryDirectory};
//! use countersign::Id;
//!
//! let directory = MemoryDirectory::default();
//! assert!(directory.credential(&Id::from_bytes([1; 20])).is_none());
//! assert!(directory.user(&"ada".parse()?).is_none());
//! # Ok::<(), countersign::directory::InvalidUserName>(())
//! ```

mod compact;
mod credential;
mod deny_set;
mod issuers;
mod kind;
mod memory;
mod networks;
pub(crate) mod password_hash;
pub(crate) mod stored_secret;
mod table;
mod user_name;

use std::sync::Arc;

use crate::id::Id;
use crate::key::KeyDigest;
use crate::reason::Reason;
use crate::time::Timestamp;

pub use credential::{Credential, Status};
pub use deny_set::{Denial, DenySet};
pub use issuers::{InvalidIssuerName, IssuerDirectory, Issuers};
pub use kind::{CredentialKind, EnvironmentKind};
pub use memory::MemoryDirectory;
pub use networks::{InvalidNetwork, Networks};
pub use password_hash::{InvalidPasswordHash, PasswordHash};
pub(crate) use stored_secret::{DigestUpgrade, PasswordUpgrade, SESSION_GENERATION, StoredSecret};
pub use user_name::{InvalidUserName, UserName};

/// A view of credentials in memory. No method performs I/O or waits.
pub trait Directory: Send + Sync + 'static {
    /// Returns the credential with this id.
    fn credential(&self, id: &Id) -> Option<Credential>;

    /// Returns the user with this name.
    fn user(&self, name: &UserName) -> Option<Credential>;

    /// Returns whether the directory contains the users. If not, a name and password are rejected with 503, because they cannot be
    /// verified. `true` by default.
    fn has_users(&self) -> bool {
        true
    }

    /// Returns the password hash in use that takes longest. It is computed for unknown users, so that they take as long as
    /// known ones. Knows none by default.
    fn costliest_password(&self) -> Option<Arc<str>> {
        None
    }

    /// Returns the API key that was imported from another system and has this digest. Knows none by default.
    fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        let _ = digest;
        None
    }

    /// Returns the lowest generation of a credential, account or session whose tokens are accepted;
    /// `None` if the directory does not know it and denies none of its tokens.
    fn lowest_generation(&self, entity: &Id) -> Option<u32>;

    /// Returns whether tokens of this generation of a credential, account or session are accepted. By default, those of the
    /// [lowest generation](Self::lowest_generation) and of higher ones are, and all if there is none. A directory whose
    /// generations do not rise overrides it.
    fn accepts_generation(&self, entity: &Id, generation: u32) -> bool {
        let lowest = self.lowest_generation(entity);
        lowest.is_none_or(|lowest| generation >= lowest)
    }

    /// Returns whether one token is denied, by its issuer and id (`jti`). Its text does not identify a
    /// token, because an ECDSA signature has a second valid form.
    fn is_denied(&self, issuer: &str, token: &Id) -> bool;

    /// Checks that the view is recent enough to decide on a request. Every decision calls it before it looks up what it rests
    /// on, and once more afterwards.
    ///
    /// # Errors
    ///
    /// Returns [`StaleView`] if the view is too old. The request is then rejected with 503, not 401.
    fn check_freshness(&self) -> Result<(), StaleView>;

    /// Returns whether the hashes that [`used`](Self::used) reports are stored. If not, the right password of a user that was
    /// hashed by another method is not hashed again. `true` by default.
    fn stores_password_upgrades(&self) -> bool {
        true
    }

    /// Records that a credential was used. Does nothing by default.
    fn used(&self, usage: Usage) {
        let _ = usage;
    }
}

/// Looks up what a decision rests on, and checks before and after it that the view is recent enough.
///
/// If the view is recent before, it has every change of which a receipt has said that it is in all views. Afterwards,
/// because a process may be stopped for a long time between two instructions: what it looked up before the stop would
/// otherwise be taken for recent.
pub(crate) fn look_up<T>(
    directory: &(impl Directory + ?Sized),
    look: impl FnOnce() -> T,
) -> Result<T, Reason> {
    let check = || {
        directory
            .check_freshness()
            .map_err(|StaleView| Reason::DirectoryStale)
    };
    check()?;
    let found = look();
    check()?;
    Ok(found)
}

/// The view of a [`Directory`] is too old to decide on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleView;

/// The use of a long-lived credential.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Usage {
    /// The credential.
    pub credential: Id,
    /// When it was used.
    pub at: Timestamp,
    /// The digest to store from now on, if the stored one was computed with an older pepper.
    pub digest: Option<DigestUpgrade>,
    /// The password hash to store from now on, if the stored one was imported from another system.
    pub password: Option<PasswordUpgrade>,
}

impl<D: Directory + ?Sized> Directory for Arc<D> {
    fn credential(&self, id: &Id) -> Option<Credential> {
        (**self).credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        (**self).user(name)
    }

    fn has_users(&self) -> bool {
        (**self).has_users()
    }

    fn costliest_password(&self) -> Option<Arc<str>> {
        (**self).costliest_password()
    }

    fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        (**self).imported_key(digest)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        (**self).lowest_generation(entity)
    }

    fn accepts_generation(&self, entity: &Id, generation: u32) -> bool {
        (**self).accepts_generation(entity, generation)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        (**self).is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        (**self).check_freshness()
    }

    fn stores_password_upgrades(&self) -> bool {
        (**self).stores_password_upgrades()
    }

    fn used(&self, usage: Usage) {
        (**self).used(usage);
    }
}
