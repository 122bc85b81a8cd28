//! The database: restarts, promotion of the standby, deletion of old changes, and the rows of nodes.

use super::{Found, Step};
use crate::state::{Question, RECEIPT_BOUND, Row, State, Writer};
use crate::variant::{Protocol, Variant};

pub(super) fn steps(protocol: &Protocol, state: &State, found: &mut Found) {
    found.push((Step::RestartDatabase, disconnected(protocol, state)));
    found.push((Step::Promote, promoted(protocol, state)));
    let database = &state.database;
    if protocol.is(Variant::AsynchronousStandby) && database.replicated < database.head {
        let mut next = *state;
        next.database.replicated += 1;
        found.push((Step::Replicate(next.database.replicated), next));
    }
    if protocol.compacts && database.oldest <= database.head {
        let mut next = *state;
        next.database.oldest += 1;
        found.push((Step::DeleteOldestChange(database.oldest), next));
    }
}

/// Returns the state after all connections were lost: open transactions are rolled back, and questions are not answered.
fn disconnected(protocol: &Protocol, state: &State) -> State {
    let mut next = *state;
    for writer in &mut next.writers {
        if matches!(writer, Writer::Numbered { .. }) {
            *writer = Writer::Idle;
        }
    }
    for node in &mut next.nodes {
        // A verifier asks nodes, not the database.
        if protocol.answering == 0 && matches!(node.question, Question::Asked { .. }) {
            node.question = Question::None;
        }
    }
    next
}

/// Returns the state after the standby has become the primary. A synchronous standby has everything that was committed.
fn promoted(protocol: &Protocol, state: &State) -> State {
    let mut next = disconnected(protocol, state);
    let database = &mut next.database;
    if protocol.is(Variant::AsynchronousStandby) {
        let kept = usize::from(database.replicated);
        database
            .log
            .iter_mut()
            .skip(kept)
            .for_each(|lost| *lost = 0);
        database.head = database.replicated;
    }
    if protocol.is(Variant::FormerPrimaryAnswers) {
        database.former = database.former.or(Some(database.head));
    }
    next
}

/// Adds the end of the lease of a node. Any process ends the lease of a node that has not renewed it; the model lets a lease end
/// at any time, so that the claim does not depend on who measures it and how.
pub(super) fn row_steps(protocol: &Protocol, state: &State, index: usize, found: &mut Found) {
    let mut next = *state;
    let row = &mut next.nodes[index].row;
    let step = match *row {
        Row::Absent => return,
        Row::Registered { .. } if protocol.is(Variant::RowRemovedAtOnce) => {
            *row = Row::Absent;
            Step::RemoveRow(index)
        }
        Row::Registered { applied } => {
            *row = Row::Leaving {
                applied,
                remaining: RECEIPT_BOUND,
            };
            Step::MarkLeaving(index)
        }
        Row::Leaving { .. } => return,
    };
    found.push((step, next));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Changes;

    #[test]
    fn changes_after_a_number_are_in_the_log() {
        let mut database = State::initial().database;
        database.log = [2, 0, 3];
        assert_eq!(database.changes(1, 3), Changes::NONE.with(2).with(3));
        assert_eq!(database.changes(2, 3), Changes::NONE.with(3));
        assert_eq!(database.changes(2, 1), Changes::NONE);
    }
}
