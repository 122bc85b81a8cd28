//! What the server must accept and reject, and the decisions that were wrong.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::subject::{Expected, Presented, Subject};
use crate::message::Request;

/// The revoked credentials that are presented.
const REVOKED: usize = 500;
/// How long a token is presented. It is valid for longer.
pub(super) const TOKEN_AGE: Duration = Duration::from_secs(500);

/// A key with what is presented of it.
pub(super) struct KeySubjects {
    /// The key, and its id with its secret.
    pub(super) key: Subject,
    pub(super) pair: Subject,
    pub(super) token: Subject,
    /// The key at a token endpoint.
    pub(super) mint: Subject,
}

/// What the server must accept and reject.
pub(super) struct Oracle {
    pub(super) keys: Vec<KeySubjects>,
    revoked: Mutex<VecDeque<(&'static str, Request)>>,
    /// The number of the faults that began or ended; odd during a fault.
    faults: AtomicU64,
    /// Odd while the wall clock of the server is wrong.
    clock: AtomicU64,
    decisions: AtomicUsize,
    wrong: AtomicUsize,
    described: Mutex<BTreeMap<String, usize>>,
}

/// What was known when a request was sent.
pub(super) struct Question<'a> {
    /// `None` for what was revoked for good.
    subject: Option<(&'a Subject, Presented)>,
    kind: &'static str,
    clock: Option<u64>,
}

impl Question<'_> {
    /// Returns whether the credential is expected to be accepted.
    pub(super) fn is_accepted(&self) -> bool {
        let presented = self.subject.as_ref().map(|(_, presented)| presented);
        presented.is_some_and(|presented| presented.expected == Expected::Accepted)
    }
}

impl KeySubjects {
    /// The key in all forms, without its token.
    pub(super) fn of_key(&self) -> [&Subject; 3] {
        [&self.key, &self.pair, &self.mint]
    }
}

impl Oracle {
    pub(super) fn new(keys: usize) -> Self {
        let key = |_| KeySubjects {
            key: Subject::new("key"),
            pair: Subject::new("id and secret"),
            token: Subject::new("token"),
            mint: Subject::new("minting"),
        };
        Self {
            keys: (0..keys).map(key).collect(),
            revoked: Mutex::default(),
            clock: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            decisions: AtomicUsize::new(0),
            wrong: AtomicUsize::new(0),
            described: Mutex::default(),
        }
    }

    /// Requires from now on that this is rejected for good.
    pub(super) fn revoke(&self, kind: &'static str, request: Request) {
        let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.push_back((kind, request));
        if revoked.len() > REVOKED {
            revoked.pop_front();
        }
    }

    /// Records that the wall clock of the server is set.
    pub(super) fn clock_changes(&self) {
        self.clock.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns a number that stays the same as long as the wall clock of the server is right, or `None` while it is wrong.
    pub(super) fn right_clock(&self) -> Option<u64> {
        let clock = self.clock.load(Ordering::SeqCst);
        clock.is_multiple_of(2).then_some(clock)
    }

    /// Records that a fault begins, or that its consequences have ended.
    pub(super) fn fault_begins_or_ends(&self) {
        self.faults.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns a number that stays the same as long as there is no fault, or `None` during a fault.
    pub(super) fn peace(&self) -> Option<u64> {
        let faults = self.faults.load(Ordering::SeqCst);
        faults.is_multiple_of(2).then_some(faults)
    }

    /// Asks about a subject; returns the request to send.
    pub(super) fn ask<'a>(&self, subject: &'a Subject) -> (Request, Question<'a>) {
        let clock = self.right_clock();
        let presented = subject.presented();
        let request = presented.request.clone();
        let question = Question {
            kind: subject.kind,
            subject: Some((subject, presented)),
            clock,
        };
        (request, question)
    }

    /// Asks about something that was revoked for good, if there is any.
    pub(super) fn ask_revoked(&self, random: usize) -> Option<(Request, Question<'static>)> {
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, request) = revoked.get(random.checked_rem(revoked.len())?)?;
        let question = Question {
            kind,
            subject: None,
            clock: None,
        };
        Some((request.clone(), question))
    }

    /// Requires that something that was never valid is rejected.
    pub(super) fn compare_unknown(&self, status: u16) {
        let question = Question {
            kind: "unknown key",
            subject: None,
            clock: None,
        };
        self.compare(&question, status);
    }

    /// Compares the status of a response with what is required. Statuses other than 200, 401 and 403 decide nothing.
    pub(super) fn compare(&self, question: &Question<'_>, status: u16) {
        let accepted = match status {
            200 => true,
            401 | 403 => false,
            500 => return self.describe(question, "an internal error"),
            _ => return,
        };
        let Some(expected) = self.expected(question) else {
            return;
        };
        self.decisions.fetch_add(1, Ordering::Relaxed);
        if accepted != (expected == Expected::Accepted) {
            self.wrong.fetch_add(1, Ordering::Relaxed);
            self.describe(question, if accepted { "accepted" } else { "rejected" });
        }
    }

    /// Counts what went wrong, by the kind of the credential.
    fn describe(&self, question: &Question<'_>, what: &str) {
        let described = self.described.lock();
        let mut described = described.unwrap_or_else(PoisonError::into_inner);
        *described
            .entry(format!("{}: {what}", question.kind))
            .or_default() += 1;
    }

    /// Returns what was required all the time from the request to the response.
    fn expected(&self, question: &Question<'_>) -> Option<Expected> {
        let Some((subject, presented)) = &question.subject else {
            return Some(Expected::Rejected);
        };
        let unchanged = subject.version() == presented.version;
        let clock_is_right = question.clock.is_some() && question.clock == self.right_clock();
        match presented.expected {
            _ if !unchanged => None,
            Expected::Unknown => None,
            // With a wrong clock a token is expired, or from the future.
            Expected::Accepted if subject.kind == "token" => (clock_is_right
                && presented.since.elapsed() < TOKEN_AGE)
                .then_some(Expected::Accepted),
            expected => Some(expected),
        }
    }

    pub(super) fn decisions(&self) -> usize {
        self.decisions.load(Ordering::Relaxed)
    }

    pub(super) fn wrong_count(&self) -> usize {
        self.wrong.load(Ordering::Relaxed)
    }

    /// Returns descriptions of the wrong decisions and internal errors, with their numbers.
    pub(super) fn wrong(&self) -> Vec<String> {
        let described = self
            .described
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let described = described.iter();
        described
            .map(|(text, number)| format!("{number} × {text}"))
            .collect()
    }
}
