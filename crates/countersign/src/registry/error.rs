use std::error::Error;
use std::fmt;

use crate::registry::Conflict;

/// Why a registry did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no such thing, or it is out of the caller's reach.
    NotFound,
    /// That name is taken.
    NameTaken,
    /// The credential that proved the caller does not stand any more.
    CallerRevoked,
    /// The present state does not allow it.
    Conflict(Conflict),
    /// The client called another request by the same idempotency key.
    IdempotencyConflict,
    /// As many answers are remembered of the caller as may be.
    TooManyIdempotencyKeys,
    /// Records could not be read or written. Nothing was acknowledged; whether it was changed is known when
    /// they can be read again.
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl RegistryError {
    /// Wraps what went wrong below.
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
        match self {
            Self::NotFound => f.write_str("there is no such thing"),
            Self::NameTaken => f.write_str("that name is taken already"),
            Self::CallerRevoked => f.write_str("the credentials do not stand any more"),
            Self::Conflict(conflict) => conflict.fmt(f),
            Self::IdempotencyConflict => {
                f.write_str("another request had the same idempotency key")
            }
            Self::TooManyIdempotencyKeys => f.write_str(
                "as many answers are remembered as may be: come without a key, or later",
            ),
            Self::Unavailable(source) => write!(f, "the records cannot be reached: {source}"),
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable(source) => Some(&**source),
            Self::Conflict(conflict) => Some(conflict),
            Self::NotFound
            | Self::NameTaken
            | Self::CallerRevoked
            | Self::IdempotencyConflict
            | Self::TooManyIdempotencyKeys => None,
        }
    }
}
