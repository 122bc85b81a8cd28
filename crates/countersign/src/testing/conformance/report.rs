use std::fmt;

use super::Level::Must;
use super::subject::Reply;
use super::{Case, Expected};

/// How a subject did in one case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaseOutcome {
    /// It did what the table says.
    Passed,
    /// It did something else that can be defended, and this is what: another refusal, or another decision where
    /// the case is not a [`Must`](super::Level::Must).
    Differs(String),
    /// It let in whom it must refuse, refused whom it must let in, answered 5xx without need, or did not answer;
    /// this is what it did.
    Failed(String),
    /// The subject has not what the case needs.
    NotRun,
}

impl fmt::Display for CaseOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Differs(what) => f.write_str(what),
            Self::Failed(what) => write!(f, "FAILED: {what}"),
            Self::NotRun => f.write_str("not run"),
        }
    }
}

impl CaseOutcome {
    pub(super) fn of(case: &Case, reply: &Reply) -> Self {
        let let_in = reply.status.is_success() || reply.calls.is_some_and(|calls| calls > 0);
        let expected = case.expected;
        if reply.status.is_server_error() && expected != Expected::Unavailable {
            return Self::Failed(said(reply));
        }
        if let_in != (expected == Expected::Accepted) {
            return match case.level {
                Must => Self::Failed(said(reply)),
                _ => Self::Differs(said(reply)),
            };
        }
        if is(reply, expected) {
            Self::Passed
        } else {
            Self::Differs(said(reply))
        }
    }
}

fn is(reply: &Reply, expected: Expected) -> bool {
    let (status, error) = expected.answer();
    if expected == Expected::Accepted {
        return reply.status.is_success() && reply.calls.is_none_or(|calls| calls == 1);
    }
    // RFC 9110 §15.5.2: a 401 has a challenge. Whoever was not judged is not challenged.
    let challenged = reply.challenged || expected == Expected::Unavailable;
    reply.status.as_u16() == status && challenged && reply.error.as_deref() == error
}

/// What came back, in a few words.
fn said(reply: &Reply) -> String {
    let status = reply.status.as_u16();
    let mut said = if reply.status.is_success() {
        "accepted".to_owned()
    } else {
        match &reply.error {
            Some(error) => format!("refused ({status} {error})"),
            None if reply.challenged || reply.status.is_server_error() => {
                format!("refused ({status})")
            }
            None => format!("refused ({status}, no challenge)"),
        }
    };
    match reply.calls {
        Some(0) if reply.status.is_success() => said.push_str(", service not called"),
        Some(1..) if !reply.status.is_success() => said.push_str(", service called"),
        Some(2..) => said.push_str(", service called repeatedly"),
        _ => {}
    }
    said
}

/// How a subject did in all cases.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) outcomes: Vec<(&'static Case, CaseOutcome)>,
}

impl Report {
    /// Every case, in the order of [`Case::all`], and its outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static Case, &CaseOutcome)> {
        self.outcomes.iter().map(|(case, outcome)| (*case, outcome))
    }

    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&'static Case, &CaseOutcome)> {
        self.outcomes()
            .filter(|(_, outcome)| matches!(outcome, CaseOutcome::Failed(_)))
    }

    /// The cases that failed, and those that came out otherwise than the table says.
    pub fn differences(&self) -> impl Iterator<Item = (&'static Case, &CaseOutcome)> {
        self.outcomes().filter(|(_, outcome)| {
            matches!(outcome, CaseOutcome::Failed(_) | CaseOutcome::Differs(_))
        })
    }

    /// For a test of a service that is to follow the table to the letter.
    ///
    /// # Panics
    ///
    /// With all differences, if there are any.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert_none(self.differences());
    }

    /// For a test of a service that refuses in its own way.
    ///
    /// # Panics
    ///
    /// With all failures, if there are any.
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
    assert!(lines.is_empty(), "not conforming:{lines}");
}

/// A line for each case: its name, what is expected, what came.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .outcomes
            .iter()
            .map(|(case, _)| case.name.chars().count());
        let width = width.max().unwrap_or_default();
        for (case, outcome) in self.outcomes() {
            // Neither pads by itself.
            let expected = case.expected.to_string();
            writeln!(f, "{:width$}  {expected:23}  {outcome}", case.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::Level::{self, Should};
    use super::*;

    fn outcome(level: Level, expected: Expected, reply: &Reply) -> CaseOutcome {
        let any = Case::all().next().unwrap();
        let case = Case {
            level,
            expected,
            ..*any
        };
        CaseOutcome::of(&case, reply)
    }

    fn reply(status: u16, challenge: Option<Option<&str>>, calls: Option<u64>) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            challenged: challenge.is_some(),
            error: challenge.flatten().map(str::to_owned),
            calls,
        }
    }

    #[test]
    fn letting_in_whom_one_must_refuse_is_a_failure_whatever_is_answered() {
        let failed = |what: &str| CaseOutcome::Failed(what.to_owned());
        let bad = |reply| outcome(Must, Expected::InvalidToken, &reply);
        assert_eq!(bad(reply(200, None, None)), failed("accepted"));
        let called = reply(401, Some(Some("invalid_token")), Some(1));
        assert_eq!(
            bad(called),
            failed("refused (401 invalid_token), service called")
        );
        assert_eq!(
            outcome(Should, Expected::InvalidToken, &reply(200, None, None)),
            CaseOutcome::Differs("accepted".to_owned())
        );
    }

    #[test]
    fn refusing_whom_one_must_let_in_is_a_failure() {
        let good = |reply| outcome(Must, Expected::Accepted, &reply);
        assert_eq!(good(reply(204, None, Some(1))), CaseOutcome::Passed);
        let failed = CaseOutcome::Failed("refused (401)".to_owned());
        assert_eq!(good(reply(401, Some(None), Some(0))), failed);
        let unseen = CaseOutcome::Differs("accepted, service not called".to_owned());
        assert_eq!(good(reply(200, None, Some(0))), unseen);
    }

    #[test]
    fn another_refusal_is_a_difference_and_no_failure() {
        let differs = |what: &str| CaseOutcome::Differs(what.to_owned());
        let bad = |reply| outcome(Must, Expected::InvalidToken, &reply);
        let passed = reply(401, Some(Some("invalid_token")), Some(0));
        assert_eq!(bad(passed), CaseOutcome::Passed);
        let silent = reply(401, None, Some(0));
        assert_eq!(bad(silent), differs("refused (401, no challenge)"));
        assert_eq!(bad(reply(401, Some(None), None)), differs("refused (401)"));
        let other = reply(400, Some(Some("invalid_request")), None);
        assert_eq!(bad(other), differs("refused (400 invalid_request)"));
    }

    #[test]
    fn server_error_is_a_failure_but_where_nothing_could_be_judged() {
        let failed = CaseOutcome::Failed("refused (500)".to_owned());
        let error = reply(500, None, Some(0));
        assert_eq!(outcome(Should, Expected::InvalidToken, &error), failed);
        let differs = CaseOutcome::Differs("refused (500)".to_owned());
        assert_eq!(outcome(Must, Expected::Unavailable, &error), differs);
        let passed = outcome(Must, Expected::Unavailable, &reply(503, None, Some(0)));
        assert_eq!(passed, CaseOutcome::Passed);
    }

    #[test]
    #[should_panic(expected = "a good token is accepted (RFC 6750 §2.1): 200 expected; FAILED: a")]
    fn assertion_tells_case_source_and_both_answers() {
        let outcomes = vec![(
            Case::all().next().unwrap(),
            CaseOutcome::Failed("a".to_owned()),
        )];
        Report { outcomes }.assert_not_failed();
    }
}
