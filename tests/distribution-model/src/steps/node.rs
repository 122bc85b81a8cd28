//! A node: registration, the comparison of its view with the database, and acknowledgements.

use super::{Found, Step};
use crate::state::{MAX_STALENESS, Node, OBSERVED, Question, Row, State};
use crate::variant::{Protocol, Variant};

pub(super) fn steps(protocol: &Protocol, state: &State, index: usize, found: &mut Found) {
    let node = state.nodes[index];
    let mut add = |step, next| {
        let mut state = *state;
        state.nodes[index] = next;
        found.push((step, state));
    };
    if !node.is_running {
        add(
            Step::Start(index),
            Node {
                is_running: true,
                ..node
            },
        );
        return;
    }
    // The row remains. The view and its freshness are lost with the process.
    add(
        Step::Crash(index),
        Node {
            row: node.row,
            ..Node::STOPPED
        },
    );
    // A node that stops decides nothing any more when it deletes its row.
    add(Step::Leave(index), Node::STOPPED);
    if !matches!(node.row, Row::Registered { .. }) {
        // A process that was started anew has another row. The old one would only delay receipts, and is left out.
        let applied = node.applied.unwrap_or(0);
        let row = Row::Registered { applied };
        add(Step::Register(index), Node { row, ..node });
    }
    acknowledge(&node, index, &mut add);
    if index != OBSERVED {
        let head = state.database.head;
        let applied = Some(head);
        return add(Step::Compare(index, head), Node { applied, ..node });
    }
    match node.question {
        Question::None => {
            let remaining = MAX_STALENESS;
            let question = Question::Asked { remaining };
            add(Step::Ask(index), Node { question, ..node });
        }
        Question::Asked { remaining } => {
            let question = Question::None;
            add(Step::LoseQuestion(index), Node { question, ..node });
            let head = state.database.head;
            let answer = answer(protocol, state, &node, head, remaining);
            add(Step::Answer(index, head), answer);
            if let Some(head) = state.database.former {
                let answer = self::answer(protocol, state, &node, head, remaining);
                add(Step::AnswerByFormerPrimary(index, head), answer);
            }
        }
        Question::Answered {
            remaining,
            head,
            changes,
            is_listed,
        } => {
            let question = Question::None;
            add(Step::LoseQuestion(index), Node { question, ..node });
            let next = Node {
                applied: Some(head),
                // Denials are kept when a snapshot replaces the records.
                view: node.view.union(changes),
                fresh: match is_listed {
                    true if protocol.is(Variant::AgeFromArrival) => MAX_STALENESS,
                    true => remaining,
                    false => node.fresh,
                },
                question,
                ..node
            };
            add(Step::Apply(index, head), next);
        }
    }
    broken_steps(protocol, state, index, &mut add);
}

/// Adds what one read of the database says to a node that has asked: the head, the changes or the snapshot up to it, and
/// whether the row of the node is there.
fn answer(protocol: &Protocol, state: &State, node: &Node, head: u8, remaining: u8) -> Node {
    let database = &state.database;
    let changes = match node.applied {
        Some(applied)
            if applied <= head
                && (applied + 1 >= database.oldest || protocol.is(Variant::GapIgnored)) =>
        {
            database.changes((applied + 1).max(database.oldest), head)
        }
        // A snapshot has the effect of all changes, of the deleted ones too.
        _ => database.changes(1, head),
    };
    let is_registered = matches!(node.row, Row::Registered { .. });
    Node {
        question: Question::Answered {
            remaining,
            head,
            changes,
            is_listed: is_registered || protocol.is(Variant::OwnRowIgnored),
        },
        is_notified: false,
        ..*node
    }
}

fn acknowledge(node: &Node, index: usize, add: &mut impl FnMut(Step, Node)) {
    let (Row::Registered { applied: known }, Some(applied)) = (node.row, node.applied) else {
        return;
    };
    if known != applied {
        let row = Row::Registered { applied };
        add(Step::Acknowledge(index, applied), Node { row, ..*node });
    }
}

/// Adds the steps that only variants of the protocol have.
fn broken_steps(
    protocol: &Protocol,
    state: &State,
    index: usize,
    add: &mut impl FnMut(Step, Node),
) {
    let node = state.nodes[index];
    let is_fresh = node.fresh > 0;
    let fresh = MAX_STALENESS;
    match protocol.variant {
        Some(Variant::NotificationsTrusted) if is_fresh && !node.is_notified => {
            add(Step::TrustSilence(index), Node { fresh, ..node });
        }
        Some(Variant::AgeFromWallClock) if is_fresh => {
            add(Step::SetClockBack(index), Node { fresh, ..node });
        }
        Some(Variant::RecordBeforeFreshness)
            if node.applied.is_some() && node.view.lacks_some_of(state.complete) =>
        {
            let next = Node {
                has_read_old_record: true,
                ..node
            };
            add(Step::ReadRecord(index), next);
        }
        _ => {}
    }
}
