//! Changes of credentials: [`Registry`] creates, changes and lists them.
//!
//! A registry writes to durable storage and may wait for it. A
//! [`Directory`](crate::directory::Directory) is the view in memory that requests are authenticated
//! with. [`MemoryRegistry`] is a registry without a database.
//!
//! # Rules
//!
//! Every registry follows the same rules:
//!
//! ```text
//!              suspend             revoke             delete
//!    Active ------------> Suspended ------> Revoked ---------> (deleted)
//!       ^ <------------------'    '            ^
//!       |      activate                        |
//!       '--------------------------------------'  revoke
//! ```
//!
//! A change that removes access raises the credential's generation, which invalidates every token
//! minted before: suspending, revoking, narrowing scopes, a new password, and the rotation of a
//! compromised key. A change to the present state succeeds and has no effect.
//!
//! Revoking a credential, and rotating it as compromised, also revokes the managed tokens that it created.
//!
//! A change that gives or keeps access is made only for a [`Caller`] that holds this access itself:
//! [`Authority`] has the rule. Suspending, revoking and deleting are always permitted.
//!
//! # Example
//!
//! ```
//! use countersign::directory::{Directory, MemoryDirectory, Status};
//! use countersign::key::{Pepper, Peppers};
//! use countersign::random::SystemRandom;
//! use countersign::registry::{Caller, Change, Conflict, MemoryRegistry, NewKey, Registry};
//! use countersign::registry::RegistryError;
//! use countersign::time::SystemClock;
//! use std::sync::Arc;
//!
//! # tokio_test::block_on(async {
//! let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! let directory = Arc::new(MemoryDirectory::default());
//! let registry = MemoryRegistry::new(Arc::clone(&directory), peppers, SystemClock, SystemRandom)?;
//!
//! let operator = Caller::operator("operator");
//! let key = registry.create_key(&operator, NewKey::new("ci", "calls:read".parse()?)).await?;
//! let id = key.record.id;
//! assert_eq!(directory.credential(&id).unwrap().status, Status::Active);
//!
//! registry.change(&operator, id, Change::Revoke { reason: None }).await?;
//! assert_eq!(directory.credential(&id).unwrap().status, Status::Revoked);
//!
//! let error = registry.change(&operator, id, Change::Activate).await.unwrap_err();
//! assert!(matches!(error, RegistryError::Conflict(Conflict::Revoked)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod authority;
pub mod backend;
mod caller;
mod caller_token;
mod change;
mod error;
mod filter;
mod idempotency;
mod limits;
mod managed_tokens;
mod memory;
mod new;
mod record;
mod sessions;

use crate::BoxFuture;
use crate::directory::UserName;
use crate::id::Id;
use crate::key::ImportedKey;

pub use authority::{Authority, NotHeld};
pub use caller::Caller;
use caller_token::CallerToken;
pub use change::{Change, Rotation};
pub use error::{Conflict, RegistryError};
pub use filter::{CredentialFilter, DeniedToken, Page};
pub use idempotency::{IdempotencyKey, IdempotentOutcome};
pub use limits::RecordLimits;
pub use managed_tokens::ManagedTokens;
pub use memory::MemoryRegistry;
pub use new::{NewEnvironment, NewKey, NewToken, NewUser, Owner};
pub use record::{Account, CreatedKey, Environment, Record};
pub use sessions::{
    InvalidSessionName, Session, SessionError, SessionName, SessionSelector, Sessions,
};

/// The future that a method of a registry returns.
pub type RegistryFuture<'a, T> = BoxFuture<'a, Result<T, RegistryError>>;

/// Creates, changes and lists credentials, accounts and environments.
///
/// A change is durable, and visible in the [`Directory`](crate::directory::Directory) of this process,
/// when its future resolves to `Ok`.
///
/// # Errors
///
/// Every method can return:
///
/// * [`RegistryError::NotFound`] if an object does not exist, or if the [`Caller`] cannot access it.
/// * [`RegistryError::CallerRevoked`] if the caller's own credential was revoked or changed since it was
///   authenticated.
/// * [`RegistryError::NotHeld`] if the change gives or keeps access that the caller does not hold.
/// * [`RegistryError::Unavailable`] if the storage failed. The change may have been made: read it back.
///
/// Other errors are documented at the methods.
pub trait Registry: Send + Sync + 'static {
    /// Creates an API key, and returns it with its secret, which cannot be read again.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Conflict`] if the account is revoked, or has as many keys and users as the [`RecordLimits`] allow.
    fn create_key<'a>(&'a self, caller: &'a Caller, new: NewKey) -> RegistryFuture<'a, CreatedKey>;

    /// Imports an API key that was issued elsewhere, by a digest of it, and returns its record. A mechanism accepts it if
    /// it [accepts imported keys](crate::mechanism::ApiKeys::imported).
    ///
    /// # Errors
    ///
    /// [`RegistryError::Conflict`] if the key was imported before and is not deleted, even if it was rotated since; or as for
    /// [`create_key`](Self::create_key).
    fn import_key<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewKey,
        key: ImportedKey,
    ) -> RegistryFuture<'a, Record>;

    /// Creates a user, who authenticates with a password.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NameTaken`] if another user has the name, in any account, and [`RegistryError::Conflict`] as for
    /// [`create_key`](Self::create_key).
    fn create_user<'a>(&'a self, caller: &'a Caller, new: NewUser) -> RegistryFuture<'a, Record>;

    /// Lists the credentials that the caller can access and that match the filter, oldest first.
    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        filter: CredentialFilter,
    ) -> RegistryFuture<'a, Vec<Record>>;

    /// Returns the credential with this id.
    fn show<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Record>;

    /// Returns the user with this name.
    fn find_user<'a>(&'a self, caller: &'a Caller, name: UserName) -> RegistryFuture<'a, Record>;

    /// Changes the status, the scopes or the password of a credential, or deletes it. Returns its record
    /// after the change; for a deletion, its last record. A change to the present state has no effect.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Conflict`] if the status does not permit the change, such as activating a revoked
    /// credential.
    fn change<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
    ) -> RegistryFuture<'a, Record>;

    /// Gives an API key a new secret, and returns it. The id stays the same. The [`Rotation`] says how long
    /// the previous secret works.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Conflict`] if the key is revoked, if two secrets are valid already, or if an imported key is to
    /// have a grace period.
    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        rotation: Rotation,
    ) -> RegistryFuture<'a, CreatedKey>;

    /// Denies one token, so that it is rejected until it expires. Denying it again has no effect.
    fn deny_token<'a>(&'a self, caller: &'a Caller, token: DeniedToken) -> RegistryFuture<'a, ()>;

    /// Creates an account without credentials. Only an operator can create accounts.
    fn create_account<'a>(
        &'a self,
        caller: &'a Caller,
        name: String,
    ) -> RegistryFuture<'a, Account>;

    /// Lists a page of the accounts that the caller can access, oldest first.
    fn list_accounts<'a>(
        &'a self,
        caller: &'a Caller,
        page: Page,
    ) -> RegistryFuture<'a, Vec<Account>>;

    /// Returns the account with this id.
    fn show_account<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Account>;

    /// Revokes an account permanently, with all of its credentials and their tokens.
    fn revoke_account<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Account>;

    /// Creates an environment in an account.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NameTaken`] if the account has an environment of this name, and [`RegistryError::Conflict`] if the
    /// account is revoked, or has as many environments as the [`RecordLimits`] allow.
    fn create_environment<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewEnvironment,
    ) -> RegistryFuture<'a, Environment>;

    /// Lists a page of the environments of an account, or of all accounts that the caller can access, oldest first. An
    /// account that the caller cannot access has none.
    fn list_environments<'a>(
        &'a self,
        caller: &'a Caller,
        account: Option<Id>,
        page: Page,
    ) -> RegistryFuture<'a, Vec<Environment>>;
}
