use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use crate::credentials::sensitive;

/// The part of its lifetime after which a token is renewed: between 75 % and 90 %, chosen at random for each token,
/// so that clients that started together do not renew together.
const RENEW_AFTER: std::ops::Range<f64> = 0.75..0.9;
/// How long before its expiry a token is no longer sent, since the request is still on its way: 5 s, and at most a
/// tenth of its lifetime.
const MARGIN: Duration = Duration::from_secs(5);
/// Longer lifetimes count as this one, so that no instant is out of range.
const LONGEST_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// A bearer token and the time until which it is sent.
#[derive(Clone)]
pub struct Token {
    authorization: HeaderValue,
    renew_at: Instant,
    usable_until: Instant,
}

impl Token {
    /// Creates a token that was requested at `requested_at` and is valid for `lifetime`. Returns `None` if no
    /// header can contain the token.
    pub(crate) fn new(text: &str, requested_at: Instant, lifetime: Duration) -> Option<Self> {
        let lifetime = lifetime.min(LONGEST_LIFETIME);
        let part = RENEW_AFTER.start + fastrand::f64() * (RENEW_AFTER.end - RENEW_AFTER.start);
        Some(Self {
            authorization: sensitive(&format!("Bearer {text}")).filter(|_| is_b64token(text))?,
            renew_at: requested_at + lifetime.mul_f64(part),
            usable_until: requested_at + lifetime - MARGIN.min(lifetime / 10),
        })
    }

    /// Returns the value of the header `Authorization` (RFC 6750 §2.1), marked as sensitive.
    #[must_use]
    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// Returns whether the token can still be sent at `now`.
    #[must_use]
    pub fn is_usable(&self, now: Instant) -> bool {
        now < self.usable_until
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.renew_at
    }
}

/// Two tokens are equal if their text is.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.authorization == other.authorization
    }
}

impl Eq for Token {}

/// Returns whether `text` is a `b64token` (RFC 6750 §2.1).
fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    !body.is_empty() && body.bytes().all(is_allowed)
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("usable_until", &self.usable_until)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_due_before_it_expires_and_not_sent_shortly_before() {
        let start = Instant::now();
        let token = Token::new("a.b.c", start, Duration::from_secs(1000)).unwrap();
        assert!(!token.is_due(start + Duration::from_secs(749)));
        assert!(token.is_due(start + Duration::from_secs(900)));
        assert!(token.is_usable(start + Duration::from_secs(994)));
        assert!(!token.is_usable(start + Duration::from_secs(995)));
    }

    #[test]
    fn token_with_white_space_or_line_breaks_is_rejected() {
        for text in ["", "=", "a b", "a\r\nx: y", "ä"] {
            assert!(
                Token::new(text, Instant::now(), Duration::MAX).is_none(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn debug_output_does_not_contain_the_token() {
        let token = Token::new("s3cret", Instant::now(), Duration::from_secs(60)).unwrap();
        assert!(!format!("{token:?} {:?}", token.authorization()).contains("s3cret"));
    }
}
