//! Rejected requests: [`Rejection`], its [`Reason`], and the HTTP response that is made of it.
//!
//! A rejection holds no byte of the credentials. The client learns its kind, and never which check
//! failed: the [`Reason`] is for logs and metrics. The layers insert the rejection into the response
//! extensions, where an outer layer can read it.
//!
//! | kind | status | challenge |
//! |---|---|---|
//! | [`Missing`](RejectionKind::Missing) | 401 | one for each mechanism, without `error` |
//! | [`Malformed`](RejectionKind::Malformed) | 400 | `Bearer … error="invalid_request"` if bearer tokens are accepted |
//! | [`Invalid`](RejectionKind::Invalid) | 401 | `Bearer … error="invalid_token"` for bearer tokens; without `error` for others |
//! | [`InsufficientScope`](RejectionKind::InsufficientScope) | 403 | `Bearer … error="insufficient_scope", scope="…"` for bearer tokens; without `scope` if a claim is missing |
//! | [`Forbidden`](RejectionKind::Forbidden) | 403 | none |
//! | [`TooManyRequests`](RejectionKind::TooManyRequests) | 429 | none; `Retry-After` |
//! | [`BodyTooLarge`](RejectionKind::BodyTooLarge) | 413 | none |
//! | [`BodyIncomplete`](RejectionKind::BodyIncomplete) | 400 | none |
//! | [`Unavailable`](RejectionKind::Unavailable) | 503 | none; `Retry-After` |
//! | [`Misconfigured`](RejectionKind::Misconfigured) | 500 | none |
//!
//! The challenge for credentials in a body is `Credentials realm="…"`.

mod body;
mod challenge;
mod grpc;
mod response;
mod unmet;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::{Carrier, Scheme};

pub use crate::reason::{Reason, RejectionKind};
pub use body::{EmptyBody, InheritedBody, ProblemDetails, RejectBody};
pub use challenge::Challenge;
pub(crate) use challenge::Challenges;
pub use grpc::Grpc;
pub(crate) use response::render_inherited;
pub(crate) use unmet::UnmetRequirement;

/// Seconds after which a request can be tried again if nothing else is known.
const RETRY_AFTER_SECONDS: u32 = 1;

/// A rejected request.
#[derive(Clone)]
pub struct Rejection {
    reason: Reason,
    detail: Detail,
    challenges: Arc<Challenges>,
    /// Behind a pointer, so that errors with a rejection stay small.
    explanation: Option<Box<Explanation>>,
}

/// What was found and what is configured or required, for the operator.
#[derive(Clone)]
struct Explanation {
    text: Box<str>,
    /// The configuration of the service looks wrong, so the log warns.
    #[cfg_attr(
        not(feature = "tracing"),
        expect(dead_code, reason = "only the log reads it")
    )]
    looks_misconfigured: bool,
}

/// What the response depends on, besides the kind of the reason.
#[derive(Clone)]
enum Detail {
    None,
    /// The carrier of the credentials.
    Carrier(Carrier),
    /// The credentials are expected in the body.
    Body,
    /// The scopes that a bearer token lacks, separated by spaces. It is empty if it lacks something else.
    Scope(Box<str>),
    /// Seconds after which the request can be tried again.
    RetryAfter(u32),
}

impl Rejection {
    /// Creates a rejection for a reason of your own, such as [`Reason::Unmet`]. It has no challenge:
    /// [`Principal::reject`](crate::Principal::reject) creates one with the challenges of its layer.
    ///
    /// ```
    /// use countersign::rejection::{Reason, Rejection};
    ///
    /// let rejection = Rejection::new(Reason::Unmet("outside_of_office_hours"));
    /// assert_eq!(rejection.kind().status(), http::StatusCode::FORBIDDEN);
    /// ```
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self::of_request(reason, Arc::default())
    }

    fn with(reason: Reason, detail: Detail, challenges: Arc<Challenges>) -> Self {
        Self {
            reason,
            detail,
            challenges,
            explanation: None,
        }
    }

    pub(crate) fn of_request(reason: Reason, challenges: Arc<Challenges>) -> Self {
        Self::with(reason, Detail::None, challenges)
    }

    pub(crate) fn of_credentials(
        reason: Reason,
        carrier: Carrier,
        challenges: Arc<Challenges>,
    ) -> Self {
        Self::with(reason, Detail::Carrier(carrier), challenges)
    }

    /// Creates the rejection of credentials that could not be checked. Whatever reason a mechanism
    /// gives, the status is never 401.
    pub(crate) fn unavailable(reason: Reason, challenges: Arc<Challenges>) -> Self {
        let reason = match reason.kind() {
            RejectionKind::Unavailable => reason,
            _ => Reason::MechanismUnavailable,
        };
        Self::of_request(reason, challenges)
    }

    /// Creates the rejection after too many failures. Seconds are rounded up, so that a client that
    /// obeys `Retry-After` is not early.
    pub(crate) fn throttled(retry_after: Duration, challenges: Arc<Challenges>) -> Self {
        let seconds = retry_after.as_millis().div_ceil(1000);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let detail = Detail::RetryAfter(seconds.max(RETRY_AFTER_SECONDS));
        Self::with(Reason::TooManyFailures, detail, challenges)
    }

    /// Creates the rejection of a principal that does not meet a requirement.
    pub(crate) fn of_principal(
        unmet: &UnmetRequirement,
        scheme: Scheme,
        challenges: Arc<Challenges>,
    ) -> Self {
        let cause = unmet.cause();
        let reason = cause.reason();
        match &*cause {
            UnmetRequirement::Scope(scope) if scheme == Scheme::Bearer => {
                Self::of_bearer(reason, scope, challenges)
            }
            UnmetRequirement::Claim(_) if scheme == Scheme::Bearer => {
                Self::of_bearer(reason, "", challenges)
            }
            _ => Self::with(reason, Detail::None, challenges),
        }
    }

    /// Creates the rejection of a bearer token that lacks these scopes, or something else.
    pub(crate) fn of_bearer(reason: Reason, scope: &str, challenges: Arc<Challenges>) -> Self {
        Self::with(reason, Detail::Scope(scope.into()), challenges)
    }

    /// Creates the rejection of a request that no authenticator has seen: an error of the service.
    pub(crate) fn layer_missing() -> Self {
        Self::of_request(Reason::LayerMissing, Arc::default())
    }

    /// Adds what was found and what is configured or required.
    pub(crate) fn explained(
        mut self,
        text: impl Into<Box<str>>,
        looks_misconfigured: bool,
    ) -> Self {
        let text = text.into();
        self.explanation = Some(Box::new(Explanation {
            text,
            looks_misconfigured,
        }));
        self
    }

    /// Returns whether the configuration of the service looks wrong.
    #[cfg(feature = "tracing")]
    pub(crate) fn looks_misconfigured(&self) -> bool {
        let mut explanation = self.explanation.iter();
        explanation.any(|explanation| explanation.looks_misconfigured)
    }

    /// Converts this into the rejection of a request whose credentials belong in the body.
    pub(crate) fn of_body(mut self) -> Self {
        self.detail = Detail::Body;
        self
    }

    /// Returns the kind, which says who must act.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.reason.kind()
    }

    /// Returns which check failed, for logs and metrics. Do not send it to the client.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns what was found and what is configured or required, for the operator's log. It may contain text of a token
    /// that is forged. Do not send it to the client.
    #[must_use]
    pub fn explanation(&self) -> Option<&str> {
        self.explanation
            .as_ref()
            .map(|explanation| &*explanation.text)
    }

    /// Returns the seconds after which the request can be tried again, if that can help.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match (self.kind(), &self.detail) {
            (_, Detail::RetryAfter(seconds)) => Some(*seconds),
            (RejectionKind::Unavailable | RejectionKind::TooManyRequests, _) => {
                Some(RETRY_AFTER_SECONDS)
            }
            _ => None,
        }
    }

    /// Returns a text for the client. It is the same for every reason of one kind.
    #[must_use]
    pub fn public_text(&self) -> &'static str {
        match self.kind() {
            RejectionKind::Missing => "Credentials are required.",
            RejectionKind::Malformed => {
                "The credentials are malformed, or there is more than one of them."
            }
            RejectionKind::Invalid => "The credentials are not valid.",
            RejectionKind::InsufficientScope => "The credentials lack a required scope or role.",
            RejectionKind::Forbidden => "This is not permitted with these credentials.",
            RejectionKind::TooManyRequests => "There were too many failures. Try again later.",
            RejectionKind::BodyTooLarge => "The request body is too large.",
            RejectionKind::BodyIncomplete => "The request body could not be read to its end.",
            RejectionKind::Unavailable => {
                "The credentials cannot be checked at present. Try again later."
            }
            RejectionKind::Misconfigured => "The service is misconfigured.",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.public_text(), self.reason.label())?;
        match self.explanation() {
            Some(explanation) => write!(f, ": {explanation}"),
            None => Ok(()),
        }
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
    fn retry_after_is_rounded_up_to_whole_seconds() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (60_000, 60)] {
            let wait = Duration::from_millis(millis);
            let rejection = Rejection::throttled(wait, Arc::default());
            assert_eq!(rejection.retry_after(), Some(seconds), "{millis} ms");
        }
        let forever = Rejection::throttled(Duration::MAX, Arc::default());
        assert_eq!(forever.retry_after(), Some(u32::MAX));
    }

    #[test]
    fn reason_too_many_failures_is_429_with_retry_after_from_any_mechanism() {
        let outcome = Outcome::from(Err(Reason::TooManyFailures));
        assert!(matches!(outcome, Outcome::Throttled { .. }));
        let rejection =
            Rejection::of_credentials(Reason::TooManyFailures, Carrier::BASIC, Arc::default());
        assert_eq!(rejection.kind().status().as_u16(), 429);
        assert_eq!(rejection.retry_after(), Some(1));
        assert!(rejection.challenges().is_empty());
    }
}
