//! Changes of credentials: [`Registry`] creates, changes and lists them.
//!
//! A registry writes to wherever records live, and takes its time; a
//! [`Directory`](crate::directory::Directory) is the view in memory that requests are authenticated
//! with. [`MemoryRegistry`] is a registry without a database; [`lifecycle`] has the rules that all
//! registries follow.

mod caller;
mod error;
pub mod lifecycle;
mod managed;
mod memory;
mod new;
mod record;
mod sessions;

use crate::BoxFuture;
use crate::directory::{CredentialKind, UserName};
use crate::id::Id;
use crate::key::IssuedKey;
use crate::time::Timestamp;

pub use caller::{Caller, CallerToken};
pub use error::RegistryError;
pub use lifecycle::{Change, Conflict, Rotation};
pub use managed::{IdempotencyKey, IdempotentOutcome, ManagedTokens, NewToken};
pub use memory::MemoryRegistry;
pub use new::{NewEnvironment, NewKey, NewUser, Owner};
pub use record::{Account, Environment, Record};
pub use sessions::{
    InvalidSessionName, Session, SessionError, SessionKey, SessionName, SessionRequest,
    SessionSelector, SessionToken, Sessions,
};

/// Makes and changes credentials. What a call has acknowledged is durable, and in the
/// [`Directory`](super::Directory) of this process.
///
/// Whatever lies outside the [`Caller`]'s account is answered with [`RegistryError::NotFound`].
pub trait Registry: Send + Sync + 'static {
    /// Makes an API key.
    fn create_key<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewKey,
    ) -> BoxFuture<'a, Result<CreatedKey, RegistryError>>;

    /// Makes a user.
    fn create_user<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewUser,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// Credentials, oldest first.
    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        listing: CredentialFilter,
    ) -> BoxFuture<'a, Result<Vec<Record>, RegistryError>>;

    /// One credential.
    fn show<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// The user of that name.
    fn find_user<'a>(
        &'a self,
        caller: &'a Caller,
        name: UserName,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// Changes a credential by the rules of [`lifecycle`](super::lifecycle), and returns what it is now, or
    /// was when it was deleted.
    fn change<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// Gives a key another secret. Its id stays.
    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        rotation: Rotation,
    ) -> BoxFuture<'a, Result<CreatedKey, RegistryError>>;

    /// Refuses one token from now on, known by its issuer and `jti`. `expires_at` is its `exp`.
    fn deny_token<'a>(
        &'a self,
        caller: &'a Caller,
        token: DeniedToken,
    ) -> BoxFuture<'a, Result<(), RegistryError>>;

    /// Makes an account.
    fn create_account<'a>(
        &'a self,
        caller: &'a Caller,
        name: String,
    ) -> BoxFuture<'a, Result<Account, RegistryError>>;

    /// All accounts within reach, oldest first.
    fn list_accounts<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<Vec<Account>, RegistryError>>;

    /// One account.
    fn show_account<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Account, RegistryError>>;

    /// Revokes an account for good, and with it every credential of it and every token of those.
    fn revoke_account<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Account, RegistryError>>;

    /// Makes an environment.
    fn create_environment<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewEnvironment,
    ) -> BoxFuture<'a, Result<Environment, RegistryError>>;

    /// All environments within reach, oldest first.
    fn list_environments<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<Vec<Environment>, RegistryError>>;
}

/// Which credentials to list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CredentialFilter {
    /// Of this kind.
    pub kind: CredentialKind,
    /// Of this account; `None`: of all within reach.
    pub account: Option<Id>,
    /// Those that come after this one.
    pub after: Option<Id>,
    /// At most so many.
    pub limit: u32,
}

impl CredentialFilter {
    /// All of one kind.
    #[must_use]
    pub const fn of(kind: CredentialKind) -> Self {
        Self {
            kind,
            account: None,
            after: None,
            limit: u32::MAX,
        }
    }

    /// The same of one account.
    #[must_use]
    pub const fn account(mut self, account: Id) -> Self {
        self.account = Some(account);
        self
    }

    /// At most `limit`, of those that come after `after`.
    #[must_use]
    pub const fn page(mut self, after: Option<Id>, limit: u32) -> Self {
        self.after = after;
        self.limit = limit;
        self
    }
}

/// A token that is refused though its signature is right.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 7519: what names a token, and its end"
)]
pub struct DeniedToken {
    /// Its issuer, `iss`.
    pub issuer: String,
    /// Its id, `jti`.
    pub token: Id,
    /// The account that it belongs to.
    pub account: Id,
    /// When it expires, `exp`.
    pub expires_at: Timestamp,
}

/// A key that was just made, or that has a new secret. The secret is shown this once.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    /// The record.
    pub record: Record,
    /// The key itself.
    pub issued: IssuedKey,
}
