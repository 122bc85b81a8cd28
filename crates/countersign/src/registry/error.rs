use std::error::Error;
use std::num::NonZeroU32;

use crate::registry::NotHeld;
use crate::time::Timestamp;

/// An error of a [`Registry`](super::Registry).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The object does not exist, or belongs to an account that the caller cannot access.
    #[error("not found")]
    NotFound,
    /// The name is already in use.
    #[error("the name is already in use; choose another")]
    NameTaken,
    /// The caller's credential or token is no longer valid.
    #[error("the caller's credentials are no longer valid")]
    CallerRevoked,
    /// The caller would give access that it does not hold.
    #[error("{0}")]
    NotHeld(#[from] NotHeld),
    /// The object's present state does not allow the change.
    #[error("{0}")]
    Conflict(#[from] Conflict),
    /// The idempotency key was used before with a different request.
    #[error("the idempotency key was used before with a different request")]
    IdempotencyConflict,
    /// The caller has as many stored idempotency keys as it may have.
    #[error(
        "too many idempotency keys are stored for this caller: send the request without a key, or try \
         again later"
    )]
    TooManyIdempotencyKeys,
    /// The records could not be read or written. Nothing was acknowledged; the change may have been
    /// made.
    #[error("the registry is unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl RegistryError {
    /// Wraps an error of the storage.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

/// The reason why the present state of an object does not allow a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The credential or account is revoked, which is permanent.
    #[error("it is revoked, which is permanent: create another")]
    Revoked,
    /// Only a revoked credential can be deleted.
    #[error("only a revoked credential can be deleted: revoke it first")]
    NotRevoked,
    /// Two secrets of the key are valid until this time.
    #[error(
        "the previous secret is still valid beside the present one: wait until its grace period ends at {at}, or \
         rotate with no grace period or as compromised, which ends both",
        at = .0.to_rfc3339()
    )]
    RotationUnderWay(Timestamp),
    /// Only API keys have a secret to rotate.
    #[error("only API keys have a secret to rotate")]
    NotAKey,
    /// Only users have a password.
    #[error("only users have a password")]
    NotAUser,
    /// The default account holds the server's own operators, and cannot be revoked.
    #[error("the default account cannot be revoked")]
    DefaultAccount,
    /// The generation cannot be raised again.
    #[error("it was changed too often: create another")]
    NoMoreGenerations,
    /// The pepper of the present secret is not loaded, so the secret cannot stay valid.
    #[error("the pepper of the present secret is not loaded: rotate with no grace period")]
    PepperMissing,
    /// The key was imported before.
    #[error("the key was imported before")]
    AlreadyImported,
    /// The secret of an imported key has no grace period.
    #[error("an imported key ends when it is rotated: rotate with no grace period")]
    NoGraceForImported,
    /// The caller has created this many managed tokens, the most that are stored for it.
    #[error(
        "the credentials have created {0} managed tokens, the most that are stored for one credential: delete some that \
         are revoked"
    )]
    TooManyManagedTokens(NonZeroU32),
    /// The account has this many keys and users, the most that it may have.
    #[error(
        "the account has {0} keys and users, the most that one account may have: delete some that are revoked"
    )]
    TooManyCredentials(NonZeroU32),
    /// The account has this many environments, the most that it may have.
    #[error("the account has {0} environments, the most that one account may have")]
    TooManyEnvironments(NonZeroU32),
}

impl Conflict {
    /// Returns the stable name of the reason.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::NotRevoked => "not_revoked",
            Self::RotationUnderWay(_) => "rotation_under_way",
            Self::NotAKey => "not_a_key",
            Self::NotAUser => "not_a_user",
            Self::DefaultAccount => "default_account",
            Self::NoMoreGenerations => "no_more_generations",
            Self::PepperMissing => "pepper_missing",
            Self::AlreadyImported => "already_imported",
            Self::NoGraceForImported => "no_grace_for_imported",
            Self::TooManyManagedTokens(_) => "too_many_managed_tokens",
            Self::TooManyCredentials(_) => "too_many_credentials",
            Self::TooManyEnvironments(_) => "too_many_environments",
        }
    }
}
