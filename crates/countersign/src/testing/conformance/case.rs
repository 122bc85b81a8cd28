use std::fmt;
use std::io;

use http::Request;
use http::header::AUTHORIZATION;

use super::{claims, encoding, headers, keys, scopes, signature};
use crate::jose::KeyError;
use crate::testing::{Answer, TestIssuer};

/// One line of the table: what is sent, and what must come back.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub(super) name: &'static str,
    pub(super) group: Group,
    pub(super) level: Level,
    pub(super) source: &'static str,
    pub(super) expected: Expected,
    pub(super) steps: &'static [Step],
    /// Made before the steps.
    pub(super) make: Make,
}

/// Makes a request.
pub(super) type Make = fn(&TestIssuer) -> Result<Request<()>, MakeError>;

/// Why a request or a change of keys could not be made: the machine's fault, not the subject's.
pub(super) type MakeError = Box<dyn std::error::Error + Send + Sync>;

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Group {
    /// Whether there is a token, and in which header.
    Presence,
    /// Signature, and choice of the key.
    Signature,
    /// Header and encoding of the token.
    Encoding,
    /// Claims and times.
    Claims,
    /// Scopes, where the subject has a route that requires one ([`Suite::scope`](super::Suite::scope)).
    Scopes,
    /// Keys that change and fail, where the subject can be told to fetch them
    /// ([`Subject::settle`](super::Subject::settle)).
    Keys,
}

/// How binding it is whether a request is let in or not. Another refusal than the expected one is never a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// An RFC says MUST, or acceptance is a known vulnerability.
    Must,
    /// An RFC says SHOULD, or it is this crate's table of outcomes.
    Should,
}

/// What must come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// 2xx, of the service behind.
    Accepted,
    /// 401 with a challenge that has no error code: nothing was presented (RFC 6750 §3).
    Unauthenticated,
    /// 401 with `error="invalid_token"` (RFC 6750 §3.1).
    InvalidToken,
    /// 400 with `error="invalid_request"` (RFC 6750 §3.1).
    InvalidRequest,
    /// 403 with `error="insufficient_scope"` (RFC 6750 §3.1).
    InsufficientScope,
    /// 503: it could not be judged, which is no fault of the token.
    Unavailable,
}

impl Expected {
    /// The status, and the error code in the challenge if there is one. Any 2xx is 200.
    #[must_use]
    pub const fn answer(self) -> (u16, Option<&'static str>) {
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
        match self.answer() {
            (status, Some(error)) => write!(f, "{status} {error}"),
            (status, None) => write!(f, "{status}"),
        }
    }
}

/// What happens at the issuer before the request is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Before the subject is made.
    First(fn(&TestIssuer)),
    /// After that. The subject has time to notice.
    Then(fn(&TestIssuer) -> io::Result<()>),
    /// The request is made anew, with the keys of that moment.
    Make(Make),
    /// This is sent, and the answer is not looked at.
    Send(Make),
    /// So many tokens with key ids that the issuer has not. The fetches are counted.
    Flood(u32),
}

impl Case {
    /// Every case, in the order in which they are run.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [
            headers::CASES,
            signature::CASES,
            encoding::CASES,
            claims::CASES,
            scopes::CASES,
            keys::CASES,
        ]
        .into_iter()
        .flatten()
    }

    /// A sentence, which stays the same from version to version.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is about.
    #[must_use]
    pub fn group(&self) -> Group {
        self.group
    }

    /// How binding it is.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The RFC and section, or the vulnerability, that it comes from.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// What must come back.
    #[must_use]
    pub fn expected(&self) -> Expected {
        self.expected
    }

    /// What is sent to a subject that trusts `issuer`; the [`Suite`](super::Suite) puts in the path.
    ///
    /// # Errors
    ///
    /// When no token could be signed.
    pub fn request(
        &self,
        issuer: &TestIssuer,
    ) -> Result<Request<()>, Box<dyn std::error::Error + Send + Sync>> {
        (self.make)(issuer)
    }
}

/// A case of which nothing happens at the issuer.
pub(super) const fn case(
    group: Group,
    name: &'static str,
    source: &'static str,
    (level, expected): (Level, Expected),
    make: Make,
) -> Case {
    Case {
        name,
        group,
        level,
        source,
        expected,
        steps: &[],
        make,
    }
}

/// The usual request with a token.
pub(super) fn bearer(token: Result<String, KeyError>) -> Result<Request<()>, MakeError> {
    let value = format!("Bearer {}", token?);
    Ok(Request::get("/").header(AUTHORIZATION, value).body(())?)
}

/// A good token, as text.
pub(super) fn good(issuer: &TestIssuer) -> Result<String, KeyError> {
    issuer.token().sign()
}

/// The keys cannot be fetched.
pub(super) fn unavailable(issuer: &TestIssuer) {
    issuer.answer_keys(Answer::Status(500));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::{FixedClock, Flaw};
    use crate::time::{Clock as _, SystemClock};

    #[test]
    fn no_two_cases_have_one_name() {
        let names: BTreeSet<&str> = Case::all().map(Case::name).collect();
        assert_eq!(names.len(), Case::all().count());
    }

    #[test]
    fn every_flaw_is_a_case() {
        let issuer = TestIssuer::start(FixedClock::at(SystemClock.now())).unwrap();
        // Some signatures are by keys of chance.
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
            // Its key id is one of chance too.
            let other = *flaw == Flaw::KeyIdUnknown;
            assert!(
                other || sent.contains(&unsigned(&token).unwrap()),
                "{flaw:?}"
            );
        }
    }
}
