//! A node: it loads the records, registers, compares its view with the database, and acknowledges what it has applied.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::{MAX_DRIFT, Now};
use crate::message::{Answer, Changes, Reply, Request, RowId, RowState};
use crate::rules::{Freshness, Position, surely_elapsed};
use crate::variant::Variant;

/// How long a view may be used after its comparison with the database.
pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(5);
pub(crate) const POLL_PERIOD: Duration = Duration::from_millis(50);
/// A question that is not answered for so long is asked again.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
const RENEWAL_PERIOD: Duration = Duration::from_secs(1);
/// The lease of a node that has not renewed it for so long ends.
const LEASE: Duration = Duration::from_secs(10);

/// One life of a node: a process that starts anew begins without a view.
#[derive(Debug)]
pub(crate) struct Node {
    variant: Option<Variant>,
    row: RowId,
    is_registered: bool,
    pub(crate) applied: Option<Position>,
    pub(crate) view: Changes,
    freshness: Freshness,
    question: Option<Question>,
    questions: u64,
    registration_sent: Option<Duration>,
    renewed: Option<Duration>,
    /// The rows of all nodes, and since when each is unchanged.
    rows: BTreeMap<RowId, (RowState, Duration)>,
    is_notified: bool,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    id: u64,
    /// When it was sent, on the clock that measures the age of the view.
    began: Duration,
    /// When it was sent, on the monotonic clock.
    sent: Duration,
}

impl Node {
    /// Starts a node, whose row will have this id.
    pub(crate) fn new(variant: Option<Variant>, row: RowId) -> Self {
        Self {
            variant,
            row,
            is_registered: false,
            applied: None,
            view: Changes::default(),
            freshness: Freshness::default(),
            question: None,
            questions: 0,
            registration_sent: None,
            renewed: None,
            rows: BTreeMap::new(),
            is_notified: false,
        }
    }

    /// Returns whether the node decides on requests at this moment.
    pub(crate) fn is_fresh(&self, now: Now) -> bool {
        self.freshness.is_fresh(self.age_clock(now), MAX_STALENESS)
    }

    /// Returns the time on the clock that measures the age of the view.
    fn age_clock(&self, now: Now) -> Duration {
        match self.variant {
            Some(Variant::AgeFromWallClock) => now.wall,
            _ => now.monotonic,
        }
    }

    /// Does what is due. Called once in each poll period.
    pub(crate) fn poll(&mut self, now: Now, new_row: RowId, requests: &mut Vec<Request>) {
        let is_due = |sent: Option<Duration>| {
            sent.is_none_or(|sent| now.monotonic.saturating_sub(sent) > ANSWER_TIMEOUT)
        };
        let must_ask = is_due(self.question.map(|question| question.sent));
        // It loads its records first.
        if !self.is_registered && self.applied.is_some() {
            if is_due(self.registration_sent) {
                self.row = new_row;
                self.registration_sent = Some(now.monotonic);
                requests.push(Request::Register { row: self.row });
            }
            return;
        }
        if !self.is_registered {
            if must_ask {
                self.ask(now, requests);
            }
            return;
        }
        let since = |sent: Duration| now.monotonic.saturating_sub(sent);
        if self
            .renewed
            .is_none_or(|renewed| since(renewed) > RENEWAL_PERIOD)
        {
            self.renewed = Some(now.monotonic);
            requests.push(Request::Renew { row: self.row });
        }
        if must_ask {
            self.ask(now, requests);
        }
        self.end_leases(now.monotonic, requests);
    }

    fn ask(&mut self, now: Now, requests: &mut Vec<Request>) {
        self.questions += 1;
        let question = self.questions;
        self.question = Some(Question {
            id: question,
            began: self.age_clock(now),
            sent: now.monotonic,
        });
        let row = self.row;
        let trusts_silence = self.variant == Some(Variant::NotificationsTrusted);
        requests.push(match self.applied {
            Some(_) if trusts_silence && !self.is_notified => Request::Ping { question, row },
            applied => Request::Ask {
                question,
                row,
                applied,
            },
        });
        self.is_notified = false;
    }

    /// Ends the leases of nodes that do not renew them. Two processes may do so at once.
    fn end_leases(&self, now: Duration, requests: &mut Vec<Request>) {
        let drift = u32::try_from(MAX_DRIFT).unwrap_or(u32::MAX);
        let removal = surely_elapsed(MAX_STALENESS, drift);
        for (&row, (state, since)) in &self.rows {
            let unchanged = now.saturating_sub(*since);
            if state.is_leaving && unchanged > removal {
                requests.push(Request::RemoveRow { row });
            } else if !state.is_leaving && unchanged > LEASE {
                let renewals = state.renewals;
                requests.push(Request::EndLease { row, renewals });
            }
        }
    }

    pub(crate) fn receive(&mut self, reply: Reply, now: Now, requests: &mut Vec<Request>) {
        match reply {
            Reply::Registered { row } if row == self.row && !self.is_registered => {
                self.is_registered = true;
                self.ask(now, requests);
            }
            Reply::Notification => {
                self.is_notified = true;
                // The notification only saves the time until the next poll.
                if self.is_registered && self.question.is_none() {
                    self.ask(now, requests);
                }
            }
            Reply::Pong {
                question,
                is_listed,
            } => self.compared(question, is_listed, now),
            Reply::Answer(answer) => self.apply(answer, now, requests),
            _ => {}
        }
    }

    /// Applies an answer. Answers to abandoned questions, and copies, are ignored.
    fn apply(&mut self, answer: Answer, now: Now, requests: &mut Vec<Request>) {
        if self
            .question
            .is_none_or(|question| question.id != answer.question)
        {
            return;
        }
        // Also when a snapshot replaces the records: what was denied once remains denied.
        self.view = self.view.union(answer.changes);
        self.applied = Some(answer.head);
        self.compared(answer.question, answer.is_listed, now);
        self.observe(answer.rows, now.monotonic);
        if self.is_registered && answer.acknowledged != answer.head.number {
            requests.push(Request::Acknowledge {
                row: self.row,
                number: answer.head.number,
            });
        }
    }

    /// Ends a question: the view was equal to the database at a moment after it was sent. This counts only while the row of the node
    /// is there, because receipts do not wait for other nodes.
    fn compared(&mut self, question: u64, is_listed: bool, now: Now) {
        let Some(asked) = self.question.take_if(|asked| asked.id == question) else {
            return;
        };
        if is_listed {
            self.freshness.compared(match self.variant {
                Some(Variant::AgeFromArrival) => now.monotonic,
                _ => asked.began,
            });
        } else {
            self.is_registered = false;
            self.registration_sent = None;
        }
    }

    /// Notes since when each row is unchanged.
    fn observe(&mut self, rows: Vec<(RowId, RowState)>, now: Duration) {
        let known = std::mem::take(&mut self.rows);
        for (id, row) in rows {
            let since = match known.get(&id) {
                Some((same, since)) if *same == row => *since,
                _ => now,
            };
            self.rows.insert(id, (row, since));
        }
    }
}
