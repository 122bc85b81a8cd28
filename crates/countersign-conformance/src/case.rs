use std::fmt;

use countersign::testing::TestIssuer;
use http::Request;

use crate::BoxError;

/// A request, and the response that is expected.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name: a sentence, which is stable across versions.
    pub name: &'static str,
    /// What the case checks.
    pub group: Group,
    /// How binding the decision to accept or reject is.
    pub level: Level,
    /// The RFC and section, or the vulnerability, from which the case comes.
    pub source: &'static str,
    /// The expected response.
    pub expected: Expected,
    pub(crate) steps: &'static [Step],
    /// Creates the request before the steps run.
    pub(crate) create: CreateRequest,
}

/// Creates a request with the issuer's current keys. An error is a fault of the machine, not of the target.
pub(crate) type CreateRequest = fn(&TestIssuer) -> Result<Request<()>, BoxError>;

/// What a case checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Group {
    /// Whether a token is present, and in which header.
    Presence,
    /// The signature, and the choice of the key.
    Signature,
    /// The header and the encoding of the token.
    Encoding,
    /// The claims and times of the token.
    Claims,
    /// A required scope. Needs a route that requires one ([`Suite::scope`](super::Suite::scope)).
    Scopes,
    /// Key rotation, and key endpoints that fail. Needs a target that fetches keys on request
    /// ([`Target::refresh_keys`](super::Target::refresh_keys)).
    Keys,
}

/// How binding the decision to accept or reject a request is.
///
/// A rejection with another status than the expected one is never a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// An RFC says MUST, or the wrong decision is a known vulnerability.
    Must,
    /// An RFC says SHOULD, or no RFC decides and countersign has chosen.
    Should,
}

/// The expected response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// 2xx, from the protected service.
    Accepted,
    /// 401 with a challenge without an error code, because the request presents no credentials (RFC 6750 §3).
    Unauthenticated,
    /// 401 with `error="invalid_token"` (RFC 6750 §3.1).
    InvalidToken,
    /// 400 with `error="invalid_request"` (RFC 6750 §3.1).
    InvalidRequest,
    /// 403 with `error="insufficient_scope"` (RFC 6750 §3.1).
    InsufficientScope,
    /// 503, because the token could not be verified for reasons other than the token.
    Unavailable,
}

impl Expected {
    /// Returns the status, and the error code in the challenge if there is one. Any 2xx is given as 200.
    #[must_use]
    pub const fn status_and_error(self) -> (u16, Option<&'static str>) {
        match self {
            Self::Accepted => (200, None),
            Self::Unauthenticated => (401, None),
            Self::InvalidToken => (401, Some("invalid_token")),
            Self::InvalidRequest => (400, Some("invalid_request")),
            Self::InsufficientScope => (403, Some("insufficient_scope")),
            Self::Unavailable => (503, None),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status_and_error() {
            (status, Some(error)) => write!(f, "{status} {error}"),
            (status, None) => write!(f, "{status}"),
        }
    }
}

/// A change at the issuer, or a request, before the request of the case is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Changes the issuer before the target is created.
    Before(fn(&TestIssuer)),
    /// Changes the issuer after the target was created. The target then refreshes its keys.
    Change(fn(&TestIssuer)),
    /// Rotates the issuer's keys. The target then refreshes its keys.
    Rotate,
    /// Creates the request of the case again, with the issuer's current keys.
    Create(CreateRequest),
    /// Sends another request, and ignores its response.
    Send(CreateRequest),
    /// Sends this many tokens with key ids that the issuer does not publish, and counts the fetches of keys.
    Flood(u32),
}

impl Case {
    /// Returns the request for a target that trusts `issuer`. The [`Suite`](super::Suite) sets its path.
    ///
    /// # Errors
    ///
    /// Returns an error if no token could be signed.
    pub fn request(
        &self,
        issuer: &TestIssuer,
    ) -> Result<Request<()>, Box<dyn std::error::Error + Send + Sync>> {
        (self.create)(issuer)
    }
}

/// Declares the cases of one group: `Level Expected "name", "source", [steps]: create;`. The steps can be left out.
macro_rules! cases {
    ($group:ident; $(
        $level:ident $expected:ident $name:literal, $source:literal $(, [$($step:expr),+ $(,)?])?: $create:expr;
    )+) => {
        pub(crate) const CASES: &[$crate::Case] = &[$($crate::Case {
            name: $name,
            group: $crate::Group::$group,
            level: $crate::Level::$level,
            source: $source,
            expected: $crate::Expected::$expected,
            steps: &[$($($step),+)?],
            create: $create,
        },)+];
    };
}
pub(crate) use cases;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use countersign::testing::{FixedClock, Flaw};
    use countersign::time::{Clock as _, SystemClock};
    use http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn no_two_cases_have_the_same_name() {
        let names: BTreeSet<&str> = Case::all().map(|case| case.name).collect();
        assert_eq!(names.len(), Case::all().count());
    }

    #[test]
    fn every_flaw_is_a_case() {
        let issuer = TestIssuer::start(FixedClock::at(SystemClock.now())).unwrap();
        // The signatures of some cases are by random keys.
        let unsigned = |token: &str| token.rsplit_once('.').map(|(rest, _)| rest.to_owned());
        let sent: BTreeSet<String> = Case::all()
            .filter_map(|case| {
                let request = case.request(&issuer).unwrap();
                let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
                unsigned(value.strip_prefix("Bearer ")?)
            })
            .collect();
        for flaw in Flaw::ALL {
            let token = issuer.flawed(*flaw).unwrap();
            // The key id or the key in the header of these tokens is random too.
            let other = matches!(flaw, Flaw::KeyIdUnknown | Flaw::KeyInHeader);
            assert!(
                other || sent.contains(&unsigned(&token).unwrap()),
                "{flaw:?}"
            );
        }
    }
}
