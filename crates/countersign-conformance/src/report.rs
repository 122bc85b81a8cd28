use std::fmt;

use crate::Level::Must;
use crate::received::Received;
use crate::{Case, Expected};

/// The outcome of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaseOutcome {
    /// The target responded as expected.
    Passed,
    /// The target responded differently, but violated no RFC: it rejected the request with another status or challenge,
    /// or it decided a case that is not a [`Must`](super::Level::Must) differently. The text describes the response.
    Differs(String),
    /// The target accepted a request that it must reject, rejected one that it must accept, responded with 5xx
    /// without need, or did not respond. The text describes the response.
    Failed(String),
    /// The target does not offer what the case needs.
    NotRun,
}

impl fmt::Display for CaseOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Differs(response) => f.write_str(response),
            Self::Failed(response) => write!(f, "FAILED: {response}"),
            Self::NotRun => f.write_str("not run"),
        }
    }
}

impl CaseOutcome {
    pub(crate) fn of(case: &Case, received: &Received) -> Self {
        let accepted =
            received.status.is_success() || received.calls.is_some_and(|calls| calls > 0);
        let expected = case.expected;
        if received.status.is_server_error() && expected != Expected::Unavailable {
            return Self::Failed(describe(received));
        }
        if accepted != (expected == Expected::Accepted) {
            return match case.level {
                Must => Self::Failed(describe(received)),
                _ => Self::Differs(describe(received)),
            };
        }
        if is_expected(received, expected) {
            Self::Passed
        } else {
            Self::Differs(describe(received))
        }
    }
}

fn is_expected(received: &Received, expected: Expected) -> bool {
    let (status, error) = expected.status_and_error();
    if expected == Expected::Accepted {
        return received.status.is_success() && received.calls.is_none_or(|calls| calls == 1);
    }
    // RFC 9110 §15.5.2: every 401 has a challenge. A 503 needs none.
    let challenged = received.challenged || expected == Expected::Unavailable;
    received.status.as_u16() == status && challenged && received.error.as_deref() == error
}

/// Describes a response in a few words.
fn describe(received: &Received) -> String {
    let status = received.status.as_u16();
    let mut text = if received.status.is_success() {
        "accepted".to_owned()
    } else {
        match &received.error {
            Some(error) => format!("rejected ({status} {error})"),
            None if received.challenged || received.status.is_server_error() => {
                format!("rejected ({status})")
            }
            None => format!("rejected ({status}, no challenge)"),
        }
    };
    match received.calls {
        Some(0) if received.status.is_success() => text.push_str(", service not called"),
        Some(1..) if !received.status.is_success() => text.push_str(", service called"),
        Some(2..) => text.push_str(", service called repeatedly"),
        _ => {}
    }
    text
}

/// The outcomes of all cases.
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) outcomes: Vec<(&'static Case, CaseOutcome)>,
}

impl Report {
    /// Returns every case, in the order of [`Case::all`], and its outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static Case, &CaseOutcome)> {
        self.outcomes.iter().map(|(case, outcome)| (*case, outcome))
    }

    /// Returns the cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&'static Case, &CaseOutcome)> {
        self.outcomes()
            .filter(|(_, outcome)| matches!(outcome, CaseOutcome::Failed(_)))
    }

    /// Returns the cases that failed or differ.
    pub fn differences(&self) -> impl Iterator<Item = (&'static Case, &CaseOutcome)> {
        self.outcomes().filter(|(_, outcome)| {
            matches!(outcome, CaseOutcome::Failed(_) | CaseOutcome::Differs(_))
        })
    }

    /// Asserts that the target responded to every case as expected.
    ///
    /// # Panics
    ///
    /// Panics with a list of the failures and differences, if there are any.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert_none(self.differences());
    }

    /// Asserts that no case failed, for a target that rejects requests with other statuses or challenges.
    ///
    /// # Panics
    ///
    /// Panics with a list of the failures, if there are any.
    #[track_caller]
    pub fn assert_not_failed(&self) {
        assert_none(self.failures());
    }
}

#[track_caller]
fn assert_none<'a>(found: impl Iterator<Item = (&'static Case, &'a CaseOutcome)>) {
    let lines: String = found
        .map(|(case, outcome)| {
            let (name, source, expected) = (case.name, case.source, case.expected);
            format!("\n  {name} ({source}): {expected} expected; {outcome}")
        })
        .collect();
    assert!(lines.is_empty(), "the target does not conform:{lines}");
}

/// Writes a line for each case: its name, the expected response and the outcome.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .outcomes
            .iter()
            .map(|(case, _)| case.name.chars().count());
        let width = width.max().unwrap_or_default();
        for (case, outcome) in self.outcomes() {
            // `Expected` ignores the width in a format string.
            let expected = case.expected.to_string();
            writeln!(f, "{:width$}  {expected:23}  {outcome}", case.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::Level::{self, Should};

    fn outcome(level: Level, expected: Expected, received: &Received) -> CaseOutcome {
        let any = Case::all().next().unwrap();
        let case = Case {
            level,
            expected,
            ..*any
        };
        CaseOutcome::of(&case, received)
    }

    fn received(status: u16, challenge: Option<Option<&str>>, calls: Option<u64>) -> Received {
        Received {
            status: StatusCode::from_u16(status).unwrap(),
            challenged: challenge.is_some(),
            error: challenge.flatten().map(str::to_owned),
            calls,
        }
    }

    #[test]
    fn accepting_an_invalid_request_is_a_failure_whatever_the_response() {
        let failed = |what: &str| CaseOutcome::Failed(what.to_owned());
        let invalid = |received| outcome(Must, Expected::InvalidToken, &received);
        assert_eq!(invalid(received(200, None, None)), failed("accepted"));
        let called = received(401, Some(Some("invalid_token")), Some(1));
        assert_eq!(
            invalid(called),
            failed("rejected (401 invalid_token), service called")
        );
        assert_eq!(
            outcome(Should, Expected::InvalidToken, &received(200, None, None)),
            CaseOutcome::Differs("accepted".to_owned())
        );
    }

    #[test]
    fn rejecting_a_valid_request_is_a_failure() {
        let valid = |received| outcome(Must, Expected::Accepted, &received);
        assert_eq!(valid(received(204, None, Some(1))), CaseOutcome::Passed);
        let failed = CaseOutcome::Failed("rejected (401)".to_owned());
        assert_eq!(valid(received(401, Some(None), Some(0))), failed);
        let unseen = CaseOutcome::Differs("accepted, service not called".to_owned());
        assert_eq!(valid(received(200, None, Some(0))), unseen);
    }

    #[test]
    fn rejection_with_another_status_is_a_difference() {
        let differs = |what: &str| CaseOutcome::Differs(what.to_owned());
        let invalid = |received| outcome(Must, Expected::InvalidToken, &received);
        let passed = received(401, Some(Some("invalid_token")), Some(0));
        assert_eq!(invalid(passed), CaseOutcome::Passed);
        let silent = received(401, None, Some(0));
        assert_eq!(invalid(silent), differs("rejected (401, no challenge)"));
        assert_eq!(
            invalid(received(401, Some(None), None)),
            differs("rejected (401)")
        );
        let other = received(400, Some(Some("invalid_request")), None);
        assert_eq!(invalid(other), differs("rejected (400 invalid_request)"));
    }

    #[test]
    fn server_error_is_a_failure_unless_the_case_expects_one() {
        let failed = CaseOutcome::Failed("rejected (500)".to_owned());
        let error = received(500, None, Some(0));
        assert_eq!(outcome(Should, Expected::InvalidToken, &error), failed);
        let differs = CaseOutcome::Differs("rejected (500)".to_owned());
        assert_eq!(outcome(Must, Expected::Unavailable, &error), differs);
        let passed = outcome(Must, Expected::Unavailable, &received(503, None, Some(0)));
        assert_eq!(passed, CaseOutcome::Passed);
    }

    #[test]
    #[should_panic(expected = "a valid token is accepted (RFC 6750 §2.1): 200 expected; FAILED: a")]
    fn assertion_names_case_source_and_both_responses() {
        let outcomes = vec![(
            Case::all().next().unwrap(),
            CaseOutcome::Failed("a".to_owned()),
        )];
        Report { outcomes }.assert_not_failed();
    }
}
