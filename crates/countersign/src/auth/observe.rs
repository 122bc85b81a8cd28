//! What operators see: a span around each judgement, one event for what came of it, and two counters.
//!
//! Labels are bounded: kinds, schemes and reasons of this crate, and `&'static str`s of users' own mechanisms.
//! Nothing of the request is in any of them.

use crate::principal::Principal;
use crate::rejection::Rejection;

/// Around one judgement.
#[derive(Clone, Debug)]
pub(super) struct Span {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Span {
    pub(super) fn begin() -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: tracing::debug_span!(
                "authenticate",
                verdict = tracing::field::Empty,
                scheme = tracing::field::Empty,
                reason = tracing::field::Empty,
            ),
        }
    }

    /// Runs a part of the judgement.
    #[cfg_attr(
        not(feature = "tracing"),
        expect(
            clippy::unused_self,
            reason = "with the feature `tracing` it is entered"
        )
    )]
    pub(super) fn within<T>(&self, judge: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        return self.span.in_scope(judge);
        #[cfg(not(feature = "tracing"))]
        return judge();
    }

    /// Says what came of it.
    pub(super) fn end(&self, judged: &Result<Principal, Rejection>) {
        #[cfg(feature = "tracing")]
        match judged {
            Ok(principal) => {
                self.span.record("verdict", "accepted");
                self.span.record("scheme", principal.scheme().as_str());
            }
            Err(rejection) => {
                self.span.record("verdict", rejection.kind().label());
                self.span.record("reason", rejection.reason().label());
            }
        }
        count(judged);
    }
}

/// A request whose credentials could not even be read counts as judged too.
pub(super) fn refused(rejection: &Rejection) {
    #[cfg(feature = "metrics")]
    super::counters::refused(rejection);
    #[cfg(not(feature = "metrics"))]
    let _ = rejection;
}

fn count(judged: &Result<Principal, Rejection>) {
    match judged {
        Ok(principal) => {
            #[cfg(feature = "metrics")]
            super::counters::accepted(principal);
            #[cfg(not(feature = "metrics"))]
            let _ = principal;
        }
        Err(rejection) => refused(rejection),
    }
}

/// What a requirement said.
pub(crate) fn required(asked: &Result<(), Rejection>) {
    #[cfg(feature = "metrics")]
    super::counters::required(asked.as_ref().err());
    #[cfg(not(feature = "metrics"))]
    let _ = asked;
}

/// Says in the log why a request was not let in: the reason's label, and nothing of the request.
pub(crate) fn log(rejection: &Rejection) {
    #[cfg(feature = "tracing")]
    {
        use crate::rejection::RejectionKind;

        static MISCONFIGURED: std::sync::Once = std::sync::Once::new();
        let reason = rejection.reason().label();
        match rejection.kind() {
            RejectionKind::Unavailable => tracing::warn!(reason, "credentials were not judged"),
            // Once: it is the same mistake on every request.
            RejectionKind::Misconfigured => MISCONFIGURED.call_once(|| {
                tracing::error!(
                    reason,
                    "no authentication layer has seen this request: put `AuthLayer` outside"
                );
            }),
            _ => tracing::debug!(reason, "request rejected"),
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = rejection;
}
