use std::fmt;
use std::time::Duration;

use crate::id::Id;
use crate::registry::{Record, RegistryError};
use crate::secret::Secret;

/// Makes a request idempotent (draft-ietf-httpapi-idempotency-key-header): a registry stores the
/// response in the transaction that makes the change, and returns it when the request is repeated.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct IdempotencyKey<'a> {
    /// The key that the client chose.
    pub key: &'a str,
    /// The credential that sends the request. Keys of different credentials are independent.
    pub caller: Id,
    /// A digest of the whole request. The same key with another digest is a conflict.
    pub request_digest: [u8; 32],
    /// Creates the response to store, which may contain a token and is therefore stored encrypted.
    pub response: &'a (dyn Fn(&Record) -> Result<Secret, RegistryError> + Send + Sync),
}

impl<'a> IdempotencyKey<'a> {
    /// How long a response is stored. Afterwards the key can be used for another request.
    pub const RETENTION: Duration = Duration::from_secs(24 * 3600);

    /// How many responses are stored for one caller at once.
    pub const MAX_PER_CALLER: u32 = 10_000;

    /// Creates an idempotency key.
    pub fn new(
        key: &'a str,
        caller: Id,
        request_digest: [u8; 32],
        response: &'a (dyn Fn(&Record) -> Result<Secret, RegistryError> + Send + Sync),
    ) -> Self {
        Self {
            key,
            caller,
            request_digest,
            response,
        }
    }
}

impl fmt::Debug for IdempotencyKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The outcome of a request that may be repeated.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a request is either new or repeated"
)]
pub enum IdempotentOutcome {
    /// The request was executed. This is the record.
    New(Box<Record>),
    /// The request had been executed before. This is the stored response.
    Replayed(Secret),
}
