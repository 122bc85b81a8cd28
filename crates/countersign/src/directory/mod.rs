//! What is known of credentials: [`Directory`] answers on every request, [`Registry`] makes changes.
//!
//! The two never meet in one trait: a directory is a view in memory that is read without waiting, a
//! registry writes to wherever records live and takes its time. [`memory`] implements both without
//! a database; [`lifecycle`] has the rules that all registries follow.

mod credential;
mod deny_set;
mod issuers;
mod kind;
mod memory;
mod networks;
mod password_hash;
mod user_name;

use std::sync::Arc;

use crate::id::Id;
use crate::key::KeyDigest;
use crate::time::Timestamp;

pub use credential::{Credential, Status, StoredSecret};
pub use deny_set::DenySet;
pub use issuers::{InvalidIssuerName, IssuerDirectory, Issuers};
pub use kind::{CredentialKind, EnvironmentKind};
pub use memory::MemoryDirectory;
pub use networks::{InvalidNetwork, Networks};
pub use password_hash::{InvalidPasswordHash, PasswordHash};
pub use user_name::{InvalidUserName, UserName};

/// The generation of every session. Ending a session denies the generations below the next one.
pub const SESSION_GENERATION: u32 = 1;

/// This node's view of credentials. Every call is a look-up in memory, without I/O.
pub trait Directory: Send + Sync + 'static {
    /// A credential by id.
    fn credential(&self, id: &Id) -> Option<Credential>;

    /// A user by name.
    fn user(&self, name: &UserName) -> Option<Credential>;

    /// The lowest generation of a credential or account whose tokens are still accepted; `None` if
    /// nothing of it is denied, or it is not known here.
    fn lowest_generation(&self, entity: &Id) -> Option<u32>;

    /// Whether this one token is denied, whatever its generations: by issuer and `jti`, never by its text,
    /// since a signature can have a twin.
    fn is_denied(&self, issuer: &str, token: &Id) -> bool;

    /// Whether the view is fresh enough to check_freshness for what it says, asked at each decision.
    ///
    /// # Errors
    ///
    /// [`StaleView`] when it is not. The request is answered with 503 then, not with 401.
    fn check_freshness(&self) -> Result<(), StaleView>;

    /// Hears that a credential was just used. By default nobody is interested.
    fn used(&self, usage: Usage) {
        let _ = usage;
    }
}

/// The view is older than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleView;

/// One use of a long-lived credential.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Usage {
    /// Which.
    pub credential: Id,
    /// When.
    pub at: Timestamp,
    /// What to keep of the key's secret from now on, if the digest that is kept was made with an older pepper.
    pub digest: Option<DigestUpgrade>,
}

/// A secret's digest, made anew with the newest pepper while the secret was at hand.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DigestUpgrade {
    /// What was kept. If something else is kept by now, it stays.
    pub outdated: KeyDigest,
    /// What to keep in its place.
    pub renewed: KeyDigest,
}

impl<D: Directory + ?Sized> Directory for Arc<D> {
    fn credential(&self, id: &Id) -> Option<Credential> {
        (**self).credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        (**self).user(name)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        (**self).lowest_generation(entity)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        (**self).is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        (**self).check_freshness()
    }

    fn used(&self, usage: Usage) {
        (**self).used(usage);
    }
}
