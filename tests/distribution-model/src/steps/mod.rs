//! The steps of the model. Each is one atomic action of one process or of the database, or a fault.
//!
//! A process that is paused takes no steps while the others do, and time passes: pauses need no step of their own.

mod database;
mod node;
mod step;
mod time;
mod verifier;
mod writer;

pub(crate) use step::{Arm, Step};

use crate::checker::Model;
use crate::state::{OBSERVED, State, Writer};
use crate::variant::{Protocol, Variant};

/// The steps that were found so far.
type Found = Vec<(Step, State)>;

impl Model for Protocol {
    type State = State;
    type Step = Step;

    fn initial(&self) -> State {
        State::initial()
    }

    fn steps(&self, state: &State, found: &mut Found) {
        for writer in 0..state.writers.len() {
            writer::steps(self, state, writer, found);
        }
        if self.answering > 0 {
            verifier::steps(self, state, found);
            database::row_steps(self, state, OBSERVED, found);
        } else {
            for node in 0..state.nodes.len() {
                node::steps(self, state, node, found);
                database::row_steps(self, state, node, found);
            }
        }
        database::steps(self, state, found);
        time::steps(self, state, found);
    }

    /// The claim: after a complete receipt, a node that is fresh does not decide with a view that lacks the change. Nodes are
    /// alike, so that it is enough to look at the first.
    fn is_violated(&self, state: &State) -> bool {
        let node = &state.nodes[OBSERVED];
        let is_outdated = node.view.lacks_some_of(state.complete) || node.has_read_old_record;
        node.fresh > 0 && is_outdated
    }

    /// Writers are alike, and so are nodes that answer. Without a broken rule, a view that has a change has all changes before it. So of the complete receipts, only
    /// that of the last change matters, and a writer that waits for an earlier one could as well be idle.
    fn representative(&self, mut state: State) -> State {
        if self.variant.is_none() {
            state.complete = state.complete.last();
            for writer in &mut state.writers {
                if matches!(*writer, Writer::Waiting { change, .. } if state.complete.reaches(change))
                {
                    *writer = Writer::Idle;
                }
            }
            state.writers.sort_unstable();
            state.answering.sort_unstable();
        }
        state
    }
}

impl Protocol {
    /// Describes a step, with the names of what the model has.
    pub(crate) fn describe(&self, step: Step) -> String {
        self.named(&step.to_string())
    }

    /// Names the process whose decisions are checked, and those that answer it.
    pub(crate) fn named(&self, text: &str) -> String {
        if self.answering == 0 {
            return text.to_owned();
        }
        text.replace("node 1", "the verifier")
            .replace("node 2", "the nodes that answer")
    }

    /// Returns whether a node can be fresh without a comparison with the log.
    const fn renews_without_comparison(&self) -> bool {
        matches!(self.variant, Some(Variant::NotificationsTrusted))
    }
}
