use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::limit::RateLimit;
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::token::expires_at;

/// How many expired tokens must be newer than those before them, so that the clock seems to be ahead.
const NEWER_IN_A_ROW: u32 = 3;

/// Finds out whether the configuration looks wrong: no token was accepted in the last minute, and one is rejected as a
/// token of another issuer, audience or key, or as not yet valid, or newer and newer ones are rejected as expired.
pub(super) struct Warnings {
    /// The second in which a token was last accepted.
    accepted: AtomicI64,
    /// One warning a minute for each reason.
    limit: RateLimit<&'static str>,
    newest: Mutex<Option<Expired>>,
}

/// The newest token that was rejected as expired.
#[derive(Clone, Copy)]
struct Expired {
    expires_at: Timestamp,
    /// How many tokens were newer than those before, since a token was last accepted.
    newer: u32,
    /// The second in which that was.
    accepted: i64,
}

impl Default for Warnings {
    fn default() -> Self {
        Self {
            accepted: AtomicI64::new(i64::MIN),
            limit: RateLimit::new(NonZeroU32::MIN, Duration::from_secs(60)),
            newest: Mutex::default(),
        }
    }
}

impl Warnings {
    pub(super) fn accept(&self, now: Timestamp) {
        let second = now.unix_seconds();
        // Written once a second, so that the processors do not contend for it.
        if self.accepted.load(Ordering::Relaxed) != second {
            self.accepted.store(second, Ordering::Relaxed);
        }
    }

    /// Returns the second in which a token was last accepted, unless it is less than a minute ago.
    fn quiet_since(&self, now: Timestamp) -> Option<i64> {
        let accepted = self.accepted.load(Ordering::Relaxed);
        (now.unix_seconds().saturating_sub(accepted) >= 60).then_some(accepted)
    }

    pub(super) fn warn(&self, reason: Reason, explanation: &str, now: Timestamp) {
        #[cfg(feature = "tracing")]
        if self.quiet_since(now).is_some() && self.limit.take(reason.label(), now).is_ok() {
            tracing::warn!(
                reason = reason.label(),
                explanation,
                "no token was accepted in the last minute: compare the configuration; shown once a minute"
            );
        }
        #[cfg(not(feature = "tracing"))]
        let _ = (reason, explanation, now, &self.limit);
    }

    /// Warns of an expired token if the clock may be ahead. While tokens are accepted, an expired one is ordinary, and costs
    /// nothing here.
    ///
    /// Clients get a new token when theirs expires. So a few expired tokens say nothing, but if newer and newer ones are
    /// expired, and none is accepted in between, tokens seem to be expired as soon as they are issued.
    pub(super) fn expired(&self, token: &[u8], explanation: &str, now: Timestamp) {
        if let Some(accepted) = self.quiet_since(now)
            && let Some(expires_at) = expires_at(token)
            && self.newer_in_a_row(expires_at, accepted) >= NEWER_IN_A_ROW
        {
            self.warn(Reason::TokenExpired, explanation, now);
        }
    }

    /// Returns how many expired tokens were newer than all before, up to this one. It is 0 if this one is not.
    fn newer_in_a_row(&self, expires_at: Timestamp, accepted: i64) -> u32 {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let before = newest.filter(|before| before.accepted == accepted);
        let newer = match before {
            Some(before) if before.expires_at < expires_at => before.newer.saturating_add(1),
            Some(_) => return 0,
            None => 0,
        };
        *newest = Some(Expired {
            expires_at,
            newer,
            accepted,
        });
        newer
    }
}
