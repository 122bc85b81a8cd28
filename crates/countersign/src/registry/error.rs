use std::error::Error;
use std::fmt;

use crate::time::Timestamp;

/// An error of a [`Registry`](super::Registry).
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// The object does not exist, or belongs to an account that the caller cannot access.
    NotFound,
    /// The name is already in use.
    NameTaken,
    /// The caller's credential or token is no longer valid.
    CallerRevoked,
    /// The object's present state does not allow the change.
    Conflict(Conflict),
    /// The idempotency key was used before with a different request.
    IdempotencyConflict,
    /// The caller has as many stored idempotency keys as it may have.
    TooManyIdempotencyKeys,
    /// The records could not be read or written. Nothing was acknowledged; the change may have been
    /// made.
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl RegistryError {
    /// Wraps an error of the storage.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl From<Conflict> for RegistryError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::NameTaken => "the name is already in use; choose another",
            Self::CallerRevoked => "the caller's credentials are no longer valid",
            Self::Conflict(conflict) => return conflict.fmt(f),
            Self::IdempotencyConflict => {
                "the idempotency key was used before with a different request"
            }
            Self::TooManyIdempotencyKeys => {
                "too many idempotency keys are stored for this caller: send the request without a \
                 key, or try again later"
            }
            Self::Unavailable(source) => return write!(f, "the registry is unavailable: {source}"),
        })
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable(source) => Some(&**source),
            Self::Conflict(conflict) => Some(conflict),
            _ => None,
        }
    }
}

/// The reason why the present state of an object does not allow a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// The credential or account is revoked, which is permanent.
    Revoked,
    /// Only a revoked credential can be deleted.
    NotRevoked,
    /// Two secrets of the key are valid until this time.
    RotationUnderWay(Timestamp),
    /// Only API keys have a secret to rotate.
    NotAKey,
    /// Only users have a password.
    NotAUser,
    /// The default account holds the server's own operators, and cannot be revoked.
    DefaultAccount,
    /// The generation cannot be raised again.
    NoMoreGenerations,
    /// The pepper of the present secret is not loaded, so the secret cannot stay valid.
    PepperMissing,
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
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "it is revoked, which is permanent: create another",
            Self::NotRevoked => "only a revoked credential can be deleted: revoke it first",
            Self::RotationUnderWay(_) => {
                "the previous secret is still valid beside the present one: wait until its grace \
                 period ends, or rotate with no grace period or as compromised, which ends both"
            }
            Self::NotAKey => "only API keys have a secret to rotate",
            Self::NotAUser => "only users have a password",
            Self::DefaultAccount => "the default account cannot be revoked",
            Self::NoMoreGenerations => "it was changed too often: create another",
            Self::PepperMissing => {
                "the pepper of the present secret is not loaded: rotate with no grace period"
            }
        })
    }
}

impl Error for Conflict {}
