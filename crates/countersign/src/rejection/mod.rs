//! Why a request was not let in: [`Rejection`], its [`Reason`], and the HTTP response made of them.
//!
//! A rejection holds no byte of the credentials. The client is told what kind it is and never which
//! check failed: [`Reason`] is for logs and metrics, and the layers put the rejection into the
//! response's extensions, so that a tracing layer outside can read it.
//!
//! | kind | status | challenge |
//! |---|---|---|
//! | [`Missing`](RejectionKind::Missing) | 401 | one for each mechanism, without `error` |
//! | [`Malformed`](RejectionKind::Malformed) | 400 | `Bearer … error="invalid_request"` where bearers are taken |
//! | [`Invalid`](RejectionKind::Invalid) | 401 | `Bearer … error="invalid_token"`; plain for the others |
//! | [`InsufficientScope`](RejectionKind::InsufficientScope) | 403 | `Bearer … error="insufficient_scope", scope="…"`, to bearers alone |
//! | [`Forbidden`](RejectionKind::Forbidden) | 403 | none |
//! | [`TooManyRequests`](RejectionKind::TooManyRequests) | 429 | none; `Retry-After` |
//! | [`Unavailable`](RejectionKind::Unavailable) | 503 | none; `Retry-After` |
//! | [`Misconfigured`](RejectionKind::Misconfigured) | 500 | none |

mod challenge;
mod grpc;
mod response;
mod unmet;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::{Carrier, Scheme};

pub use crate::reason::{Reason, RejectionKind};
pub use challenge::Challenge;
pub(crate) use challenge::Challenges;
pub use grpc::Grpc;
pub use response::{EmptyBody, ProblemDetails, RejectBody};
pub(crate) use unmet::UnmetRequirement;

/// Seconds after which a request that was not judged may be tried again, where nothing else is known.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 1;

/// Why a request was not let in.
#[derive(Clone)]
pub struct Rejection {
    reason: Reason,
    answer: Answer,
    challenges: Arc<Challenges>,
}

/// What the challenge depends on beside the reason's kind.
#[derive(Clone)]
enum Answer {
    Plain,
    /// Judged bad: which carrier the credentials came by.
    Carrier(Carrier),
    /// A bearer lacks these scopes, joined by spaces.
    Scope(Box<str>),
    /// In how many seconds to come back.
    RetryAfter(u32),
}

impl Rejection {
    pub(crate) fn of_request(reason: Reason, challenges: Arc<Challenges>) -> Self {
        Self {
            reason,
            answer: Answer::Plain,
            challenges,
        }
    }

    pub(crate) fn of_credentials(
        reason: Reason,
        carrier: Carrier,
        challenges: Arc<Challenges>,
    ) -> Self {
        Self {
            reason,
            answer: Answer::Carrier(carrier),
            challenges,
        }
    }

    /// A verdict that did not come. Whatever a mechanism calls its reason, this is never a 401.
    pub(crate) fn never_judged(reason: Reason, challenges: Arc<Challenges>) -> Self {
        let reason = match reason.kind() {
            RejectionKind::Unavailable => reason,
            _ => Reason::MechanismUnavailable,
        };
        Self::of_request(reason, challenges)
    }

    /// Too much was tried. Part of a second is a whole one, so that whoever obeys is not early.
    pub(crate) fn throttled(retry_after: Duration, challenges: Arc<Challenges>) -> Self {
        let seconds = retry_after.as_millis().div_ceil(1000);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Self {
            reason: Reason::TooManyFailures,
            answer: Answer::RetryAfter(seconds.max(RETRY_AFTER_SECONDS)),
            challenges,
        }
    }

    pub(crate) fn of_principal(
        lack: UnmetRequirement,
        scheme: Scheme,
        challenges: Arc<Challenges>,
    ) -> Self {
        let (reason, scope) = match lack {
            UnmetRequirement::Scope(scope) => (Reason::ScopeMissing, Some(scope)),
            UnmetRequirement::Primary => (Reason::PrimaryRequired, None),
            UnmetRequirement::Denied => (Reason::Denied, None),
        };
        let answer = match scope {
            Some(scope) if scheme == Scheme::Bearer => Answer::Scope(scope.into()),
            _ => Answer::Plain,
        };
        Self {
            reason,
            answer,
            challenges,
        }
    }

    /// No layer judged this request: the fault is the service's own.
    pub(crate) fn layer_missing() -> Self {
        Self::of_request(Reason::LayerMissing, Arc::default())
    }

    /// Who must act.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.reason.kind()
    }

    /// Which check failed. For logs and metrics, not for the client.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Seconds after which a request that was not judged may be tried again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match (self.kind(), &self.answer) {
            (_, Answer::RetryAfter(seconds)) => Some(*seconds),
            (RejectionKind::Unavailable | RejectionKind::TooManyRequests, _) => {
                Some(RETRY_AFTER_SECONDS)
            }
            _ => None,
        }
    }

    /// What the client may read: the same sentence for every reason of one kind.
    #[must_use]
    pub fn public_text(&self) -> &'static str {
        match self.kind() {
            RejectionKind::Missing => "Credentials are required.",
            RejectionKind::Malformed => {
                "The credentials are malformed, or there is more than one of them."
            }
            RejectionKind::Invalid => "The credentials are not valid.",
            RejectionKind::InsufficientScope => "The credentials lack a scope that this requires.",
            RejectionKind::Forbidden => "This is not permitted with these credentials.",
            RejectionKind::TooManyRequests => "There were too many failures. Try again later.",
            RejectionKind::Unavailable => "Credentials cannot be judged at present.",
            RejectionKind::Misconfigured => "The service is not set up correctly.",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.public_text(), self.reason.label())
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rejection({})", self.reason.label())
    }
}

impl std::error::Error for Rejection {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::Outcome;

    #[test]
    fn whoever_waits_as_long_as_told_is_not_early() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (60_000, 60)] {
            let wait = Duration::from_millis(millis);
            let rejection = Rejection::throttled(wait, Arc::default());
            assert_eq!(rejection.retry_after(), Some(seconds), "{millis} ms");
        }
        let forever = Rejection::throttled(Duration::MAX, Arc::default());
        assert_eq!(forever.retry_after(), Some(u32::MAX));
    }

    #[test]
    fn reason_of_too_many_failures_is_a_429_with_retry_after_whoever_gives_it() {
        let verdict = Outcome::from(Err(Reason::TooManyFailures));
        assert!(matches!(verdict, Outcome::Throttled { .. }));
        let refused =
            Rejection::of_credentials(Reason::TooManyFailures, Carrier::BASIC, Arc::default());
        assert_eq!(refused.kind().status().as_u16(), 429);
        assert_eq!(refused.retry_after(), Some(1));
        assert!(refused.challenges().is_empty());
    }
}
