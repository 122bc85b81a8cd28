//! The claim, which is checked after each event.

use std::fmt;

use super::World;
use super::event::Event;
use super::process::Role;
use crate::clock::{MAX_DRIFT, MILLISECOND, Moment, SECOND};
use crate::message::{Change, Changes};
use crate::node::MAX_STALENESS;
use crate::writer::Receipt;

/// The time in which a change reaches all nodes if nothing is wrong.
const SETTLING: Moment = 200 * MILLISECOND;

/// What went wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) at: Moment,
    pub(crate) process: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A node decides without a change whose receipt is complete.
    AfterReceipt(Change),
    /// A node decides without a change that is older than the bound.
    AfterBound(Change),
    /// One second after the end of all faults, a node is not fresh, or lacks this change.
    NotConverged(Option<Change>),
    /// A writer waits for a receipt for longer than the bound.
    WaitsForever,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.6} s: process {} ",
            self.at as f64 / 1e6,
            self.process
        )?;
        match self.kind {
            Kind::AfterReceipt(change) => {
                write!(
                    f,
                    "decides without change {change}, whose receipt is complete"
                )
            }
            Kind::AfterBound(change) => {
                write!(
                    f,
                    "decides without change {change}, which is older than the bound"
                )
            }
            Kind::NotConverged(None) => write!(f, "is not fresh after the end of all faults"),
            Kind::NotConverged(Some(change)) => {
                write!(f, "lacks change {change} after the end of all faults")
            }
            Kind::WaitsForever => write!(f, "still waits for a receipt"),
        }
    }
}

impl World {
    /// Notes when a change was committed, and when views that lack it must be stale.
    pub(super) fn committed(&mut self, change: Change) {
        self.statistics.changes += 1;
        self.committed_at[usize::from(change)] = Some(self.now);
        let bound = u64::try_from(MAX_STALENESS.as_micros()).unwrap_or(u64::MAX);
        let slowest = SECOND.saturating_add_signed(-MAX_DRIFT);
        let due = self.now + (bound * SECOND).div_ceil(slowest) + 1;
        self.schedule(due, Event::Due { change });
    }

    pub(super) fn completed(&mut self, receipt: Option<Receipt>) {
        let Some(Receipt { change, complete }) = receipt else {
            return;
        };
        self.print(|| format!("the receipt of change {change} is complete: {complete:?}"));
        self.complete.insert(change);
        if let Some(at) = self.committed_at[usize::from(change)] {
            self.statistics.receipt(complete, self.now - at);
        }
    }

    /// Checks that no node is fresh whose view lacks a change with a complete receipt, or an old one. A frozen node counts: it would
    /// decide as soon as it continues.
    pub(super) fn check_claim(&mut self) {
        let required = self.complete.union(self.due);
        for (index, process) in self.processes.iter().enumerate() {
            let Role::Node(node) = &process.role else {
                continue;
            };
            let lacking = required.without(node.view);
            if lacking.is_empty() || !process.is_running {
                continue;
            }
            if !node.is_fresh(process.clock.now(self.now)) {
                continue;
            }
            let kind = match (self.complete.without(node.view).first(), lacking.first()) {
                (Some(change), _) => Kind::AfterReceipt(change),
                (None, change) => Kind::AfterBound(change.unwrap_or_default()),
            };
            self.violation.get_or_insert(Violation {
                at: self.now,
                process: index,
                kind,
            });
        }
    }

    /// Checks that all nodes are fresh, and have all changes. The last of them may have been committed just now, and are left out.
    pub(super) fn check_convergence(&mut self) {
        let mut known = Changes::default();
        for (change, at) in (0..).zip(self.committed_at) {
            if at.is_some_and(|at| at + SETTLING < self.now) {
                known.insert(change);
            }
        }
        let required = self.database.committed.intersection(known);
        for (index, process) in self.processes.iter().enumerate() {
            let Role::Node(node) = &process.role else {
                continue;
            };
            let lacking = required.without(node.view);
            if !node.is_fresh(process.clock.now(self.now)) || !lacking.is_empty() {
                self.violation.get_or_insert(Violation {
                    at: self.now,
                    process: index,
                    kind: Kind::NotConverged(lacking.first()),
                });
            }
        }
    }

    /// Checks that no writer waits for a receipt.
    pub(super) fn check_receipts(&mut self) {
        for (index, process) in self.processes.iter().enumerate() {
            if matches!(&process.role, Role::Writer(writer) if !writer.is_idle()) {
                self.violation.get_or_insert(Violation {
                    at: self.now,
                    process: index,
                    kind: Kind::WaitsForever,
                });
            }
        }
    }
}
