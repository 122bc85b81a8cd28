//! A writer: it revokes one credential after the other, and waits for each receipt.

use std::time::Duration;

use crate::clock::MAX_DRIFT;
use crate::message::{Change, Reply, Request};
use crate::node::MAX_STALENESS;
use crate::rules::{Complete, Wait, surely_elapsed};
use crate::variant::Variant;

/// How often a writer looks at the rows of the nodes while it waits.
pub(crate) const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// A writer that gets no reply to a statement for so long does not know whether its change was made, and gives up.
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Writer {
    stage: Stage,
    transaction: u64,
    change: Change,
    /// When the last statement was sent.
    sent: Duration,
}

#[derive(Debug)]
enum Stage {
    Idle,
    /// A statement was sent, and is not answered.
    InTransaction,
    /// The change is committed.
    Waiting(Wait),
}

/// A complete receipt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receipt {
    pub(crate) change: Change,
    pub(crate) complete: Complete,
}

impl Writer {
    pub(crate) const fn new() -> Self {
        Self {
            stage: Stage::Idle,
            transaction: 0,
            change: 0,
            sent: Duration::ZERO,
        }
    }

    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    pub(crate) fn begin(
        &mut self,
        (transaction, change): (u64, Change),
        now: Duration,
        requests: &mut Vec<Request>,
    ) {
        *self = Self {
            stage: Stage::InTransaction,
            transaction,
            change,
            sent: now,
        };
        requests.push(Request::Begin {
            transaction,
            change,
        });
    }

    /// Does what is due. Called once in each look period.
    pub(crate) fn look(
        &mut self,
        variant: Option<Variant>,
        now: Duration,
        requests: &mut Vec<Request>,
    ) -> Option<Receipt> {
        match self.stage {
            Stage::Idle => None,
            Stage::InTransaction => {
                if now.saturating_sub(self.sent) > REPLY_TIMEOUT {
                    self.stage = Stage::Idle;
                }
                None
            }
            Stage::Waiting(_) => {
                requests.push(Request::ReadRows {
                    transaction: self.transaction,
                });
                self.complete(variant, now)
            }
        }
    }

    pub(crate) fn receive(
        &mut self,
        reply: &Reply,
        variant: Option<Variant>,
        now: Duration,
        requests: &mut Vec<Request>,
    ) -> Option<Receipt> {
        match *reply {
            // Rows that were read for an earlier change may lack a node that has registered since.
            Reply::Rows {
                transaction,
                ref rows,
            } if transaction == self.transaction => {
                if let Stage::Waiting(wait) = &mut self.stage {
                    wait.look(rows);
                }
                return self.complete(variant, now);
            }
            Reply::Begun { transaction } if self.expects(transaction) => {
                self.sent = now;
                requests.push(Request::TakeNumber { transaction });
            }
            Reply::Numbered { transaction } if self.expects(transaction) => {
                self.sent = now;
                requests.push(Request::Commit { transaction });
            }
            Reply::Committed {
                transaction,
                number,
            } if self.expects(transaction) => {
                self.stage = Stage::Waiting(Wait::new(number, now));
                requests.push(Request::ReadRows { transaction });
            }
            Reply::Aborted { transaction } if self.expects(transaction) => self.stage = Stage::Idle,
            _ => {}
        }
        None
    }

    const fn expects(&self, transaction: u64) -> bool {
        matches!(self.stage, Stage::InTransaction) && self.transaction == transaction
    }

    /// Ends the wait if the receipt is complete.
    fn complete(&mut self, variant: Option<Variant>, now: Duration) -> Option<Receipt> {
        let Stage::Waiting(wait) = &self.stage else {
            return None;
        };
        let drift = match variant {
            Some(Variant::DriftIgnored) => 0,
            _ => u32::try_from(MAX_DRIFT).unwrap_or(u32::MAX),
        };
        let bound = surely_elapsed(MAX_STALENESS, drift);
        let complete = wait.complete(now, bound)?;
        self.stage = Stage::Idle;
        Some(Receipt {
            change: self.change,
            complete,
        })
    }
}
