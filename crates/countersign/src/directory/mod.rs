//! What is known of credentials: [`Directory`] answers on every request, [`Registry`] makes changes.
//!
//! The two never meet in one trait: a directory is a view in memory that is read without waiting, a
//! registry writes to wherever records live and takes its time. [`memory`] implements both without
//! a database.

mod credential;
pub mod memory;
mod password_hash;
mod registry;
mod user_name;

use std::sync::Arc;

use crate::id::Id;

pub use credential::{Credential, Proof, Status};
pub use password_hash::{InvalidPasswordHash, PasswordHash};
pub use registry::{CreatedKey, CredentialKind, NewKey, NewUser, Record, Registry, RegistryError};
pub use user_name::{InvalidUserName, UserName};

/// This node's view of credentials. Every call is a look-up in memory, without I/O.
pub trait Directory: Send + Sync + 'static {
    /// A credential by id.
    fn credential(&self, id: &Id) -> Option<Credential>;

    /// A user by name.
    fn user(&self, name: &UserName) -> Option<Credential>;

    /// The lowest generation of a credential or account whose tokens are still accepted; `None` if
    /// nothing of it is denied, or it is not known here.
    fn lowest_generation(&self, entity: &Id) -> Option<u32>;

    /// Whether the view is fresh enough to vouch for what it says, asked at each decision.
    ///
    /// # Errors
    ///
    /// [`Stale`] when it is not. The request is answered with 503 then, not with 401.
    fn vouch(&self) -> Result<(), Stale>;
}

/// The view is older than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

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

    fn vouch(&self) -> Result<(), Stale> {
        (**self).vouch()
    }
}
