use std::time::Duration;

use crate::principal::Identity;
use crate::reason::{Reason, RejectionKind};

/// The result of authenticating credentials.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an authenticator must handle every outcome"
)]
pub enum Outcome {
    /// The credentials are valid.
    Accepted(Identity),
    /// The credentials are invalid: 401.
    Rejected(Reason),
    /// The credentials are invalid: 401. The text says what was found and what is configured, for the operator's log.
    RejectedWith(Reason, Box<str>),
    /// Whether they are valid could not be decided, because the store or service behind the mechanism cannot be reached:
    /// 503, not 401. Use [`Reason::MechanismUnavailable`], which also replaces a reason of another kind.
    Unavailable(Reason),
    /// Too many attempts failed, so the credentials were not checked: 429.
    Throttled {
        /// The time after which they may be presented again. The client sees whole seconds, rounded
        /// up, and at least one.
        retry_after: Duration,
    },
}

impl From<Result<Identity, Reason>> for Outcome {
    fn from(result: Result<Identity, Reason>) -> Self {
        match result {
            Ok(identity) => Self::Accepted(identity),
            Err(reason) => match reason.kind() {
                RejectionKind::Unavailable => Self::Unavailable(reason),
                RejectionKind::TooManyRequests => Self::Throttled {
                    retry_after: Duration::ZERO,
                },
                _ => Self::Rejected(reason),
            },
        }
    }
}
