use crate::id::Id;
use crate::registry::idempotency::{IdempotencyKey, IdempotentOutcome};
use crate::registry::{Caller, Change, NewToken, Record, RegistryFuture};

/// Stores the records of managed tokens: long-lived tokens that are their own credential.
///
/// The rules of [`Change`] apply, with one difference: a managed token has no generation, so a
/// suspended token is valid again once it is activated.
pub trait ManagedTokens: Send + Sync + 'static {
    /// Creates a record.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Conflict`](crate::registry::RegistryError::Conflict) if the account is revoked, or if the caller has
    /// created as many managed tokens as the [`RecordLimits`](crate::registry::RecordLimits) allow.
    fn create_token<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewToken,
        idempotency: Option<IdempotencyKey<'a>>,
    ) -> RegistryFuture<'a, IdempotentOutcome>;

    /// Changes a record. Returns the record after the change, or as it was before it was deleted.
    fn change_token<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        change: Change,
        idempotency: Option<IdempotencyKey<'a>>,
    ) -> RegistryFuture<'a, IdempotentOutcome>;

    /// Returns one record.
    fn show_token<'a>(&'a self, caller: &'a Caller, id: Id) -> RegistryFuture<'a, Record>;

    /// Returns at most `limit` records, oldest first, after skipping `offset`, and the number of all
    /// records that the caller can access.
    fn list_tokens<'a>(
        &'a self,
        caller: &'a Caller,
        offset: u64,
        limit: u32,
    ) -> RegistryFuture<'a, (Vec<Record>, u64)>;
}
