use std::fmt;

use crate::BoxFuture;
use crate::id::Id;
use crate::registry::{Caller, Change, Record, RegistryError};
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The records behind managed tokens: long-lived tokens that are their own credential.
///
/// They live by the rules of [`lifecycle`](super::lifecycle), but for one: they have no generation, so that
/// one that was suspended works again once it is activated.
pub trait ManagedTokens: Send + Sync + 'static {
    /// Makes a record.
    fn create_token<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewToken,
        once: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>>;

    /// Changes one, and returns what it is now, or was when it was deleted.
    fn change_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
        once: Option<IdempotencyKey<'a>>,
    ) -> BoxFuture<'a, Result<IdempotentOutcome, RegistryError>>;

    /// One of them.
    fn show_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
    ) -> BoxFuture<'a, Result<Record, RegistryError>>;

    /// So many of those within reach, oldest first, from this one on, and how many there are.
    fn list_tokens<'a>(
        &'a self,
        caller: &'a Caller,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'a, Result<(Vec<Record>, u64), RegistryError>>;
}

/// What a new managed token is to be.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a token's record is no more than this"
)]
pub struct NewToken {
    /// The account; `None`: the caller's.
    pub account: Option<Id>,
    /// The environment, which must be the account's; `None`: the whole account.
    pub environment: Option<Id>,
    /// What it may do.
    pub scopes: Scopes,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The user that makes it, if it is a user.
    pub created_by: Option<Id>,
}

/// A request that may come again, and is to be done once: what it did is remembered in the same transaction.
#[derive(Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "draft-ietf-httpapi-idempotency-key-header: a key, a fingerprint, an answer"
)]
pub struct IdempotencyKey<'a> {
    /// What the client calls the request.
    pub key: &'a str,
    /// The credential that asks.
    pub caller: Id,
    /// A digest of all that was asked.
    pub request: [u8; 32],
    /// The answer to remember, which may hold a token: it is kept sealed, for 24 hours.
    pub answer: &'a (dyn Fn(&Record) -> Result<Secret, RegistryError> + Send + Sync),
}

impl IdempotencyKey<'_> {
    /// For how long an answer is remembered, after which the key names nothing.
    pub const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

    /// So many answers are remembered of one caller at once.
    pub const MOST_REMEMBERED: u32 = 10_000;
}

impl fmt::Debug for IdempotencyKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What became of a request that may come again.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it was done now, or before")]
pub enum IdempotentOutcome {
    /// It was done now.
    New(Box<Record>),
    /// It was done before. This was the answer.
    Replayed(Secret),
}
