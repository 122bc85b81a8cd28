//! What operators see: a span for each authentication, a log event for each rejection, and counters.
//!
//! Labels are bounded: they are kinds, schemes and reasons of this crate, and `&'static str`s of
//! users' own mechanisms. They contain nothing of the request.

use crate::auth::metrics;
use crate::principal::Principal;
use crate::rejection::Rejection;

/// The span of one authentication.
#[derive(Clone, Debug)]
pub(super) struct Span {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Span {
    pub(super) fn start() -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: span(),
        }
    }

    /// Runs a part of the authentication inside the span.
    #[cfg_attr(
        not(feature = "tracing"),
        expect(
            clippy::unused_self,
            reason = "it is entered with the feature `tracing`"
        )
    )]
    pub(super) fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        return self.span.in_scope(f);
        #[cfg(not(feature = "tracing"))]
        return f();
    }

    /// Records the result in the span, and counts it.
    pub(super) fn finish(&self, result: &Result<Principal, Rejection>) {
        #[cfg(feature = "tracing")]
        match result {
            // Recording takes time even if nothing subscribes to the span.
            _ if self.span.is_disabled() => {}
            Ok(principal) => {
                self.span.record("outcome", "accepted");
                self.span.record("scheme", principal.scheme().as_str());
            }
            Err(rejection) => {
                self.span.record("outcome", rejection.kind().label());
                self.span.record("reason", rejection.reason().label());
            }
        }
        match result {
            Ok(principal) => metrics::count_accepted(principal),
            Err(rejection) => metrics::count_rejected(rejection),
        }
    }
}

#[cfg(feature = "tracing")]
fn span() -> tracing::Span {
    // A span takes time even if nothing subscribes to it.
    if !tracing::level_enabled!(tracing::Level::DEBUG) {
        return tracing::Span::none();
    }
    tracing::debug_span!(
        "authenticate",
        outcome = tracing::field::Empty,
        scheme = tracing::field::Empty,
        reason = tracing::field::Empty,
    )
}

/// Logs the reason of a rejection, and what was found and what is required.
pub(crate) fn log(rejection: &Rejection) {
    #[cfg(feature = "tracing")]
    {
        use crate::rejection::RejectionKind;

        static MISCONFIGURED: std::sync::Once = std::sync::Once::new();
        let reason = rejection.reason().label();
        match rejection.kind() {
            RejectionKind::Unavailable if is_due(reason) => {
                tracing::warn!(
                    reason,
                    "credentials could not be checked; shown once a minute"
                );
            }
            // Logged once, since every request meets the same mistake.
            RejectionKind::Misconfigured => MISCONFIGURED.call_once(|| {
                tracing::error!(
                    reason,
                    "request was not authenticated: put an `AuthLayer` outside of requirements and \
                     extractors"
                );
            }),
            _ if rejection.looks_misconfigured() && is_due(reason) => {
                let explanation = rejection.explanation();
                tracing::warn!(reason, explanation, "request rejected; shown once a minute");
            }
            _ => tracing::debug!(
                reason,
                explanation = rejection.explanation(),
                "request rejected"
            ),
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = rejection;
}

/// Returns whether a warning for this reason is due: one a minute. It is about the log, and decides nothing, so it uses the
/// system's clock.
#[cfg(feature = "tracing")]
fn is_due(reason: &'static str) -> bool {
    use std::num::NonZeroU32;
    use std::sync::LazyLock;
    use std::time::Duration;

    use crate::limit::RateLimit;
    use crate::time::{Clock as _, SystemClock};

    static WARNINGS: LazyLock<RateLimit<&str>> =
        LazyLock::new(|| RateLimit::new(NonZeroU32::MIN, Duration::from_secs(60)));
    WARNINGS.take(reason, SystemClock.now()).is_ok()
}
