//! A verifier, which asks nodes instead of the database, and the nodes that answer it. It has the place of the node whose decisions
//! are checked.

use super::{Found, Step};
use crate::state::{Answering, MAX_STALENESS, Node, OBSERVED, Question, Row, State};
use crate::variant::{Protocol, Variant};

pub(super) fn steps(protocol: &Protocol, state: &State, found: &mut Found) {
    let verifier = state.nodes[OBSERVED];
    let mut add = |step, next| {
        let mut state = *state;
        state.nodes[OBSERVED] = next;
        found.push((step, state));
    };
    if !verifier.is_running {
        let started = Node {
            is_running: true,
            ..verifier
        };
        add(Step::Start(OBSERVED), started);
        return;
    }
    match verifier.question {
        Question::None => {
            let remaining = MAX_STALENESS;
            let question = Question::Asked { remaining };
            let asked = Node {
                question,
                ..verifier
            };
            add(Step::Ask(OBSERVED), asked);
        }
        Question::Asked { .. } => {
            add(Step::LoseQuestion(OBSERVED), without_question(verifier));
            acknowledge(&verifier, &mut add);
        }
        Question::Answered {
            remaining,
            head,
            changes,
            ..
        } => {
            add(Step::LoseQuestion(OBSERVED), without_question(verifier));
            // An answer that is older than the view is refused.
            if verifier.applied.is_none_or(|applied| applied <= head) {
                let next = Node {
                    applied: Some(head),
                    view: verifier.view.union(changes),
                    fresh: remaining.max(verifier.fresh),
                    ..without_question(verifier)
                };
                add(Step::Apply(OBSERVED, head), next);
            }
        }
    }
    // A verifier that starts anew has another id, which no node knows. Its old row would only delay receipts, and is left out.
    let mut crashed = *state;
    crashed.nodes[OBSERVED] = Node::STOPPED;
    crashed.answering = State::initial().answering;
    found.push((Step::Crash(OBSERVED), crashed));
    for index in 0..protocol.answering {
        answering_steps(protocol, state, index, found);
    }
}

const fn without_question(verifier: Node) -> Node {
    Node {
        question: Question::None,
        ..verifier
    }
}

/// A question says up to which number the verifier has applied the log, and the node that it asks writes that into the row. A node that
/// writes it later than here, or an older one, only delays receipts.
fn acknowledge(verifier: &Node, add: &mut impl FnMut(Step, Node)) {
    let (Row::Registered { applied: known }, Some(applied)) = (verifier.row, verifier.applied)
    else {
        return;
    };
    if known != applied {
        let row = Row::Registered { applied };
        add(
            Step::NoteAcknowledgement(applied),
            Node { row, ..*verifier },
        );
    }
}

fn answering_steps(protocol: &Protocol, state: &State, index: usize, found: &mut Found) {
    let verifier = &state.nodes[OBSERVED];
    let now = state.answering[index];
    let mut add = |step, answering, verifier: Node| {
        let mut state = *state;
        state.answering[index] = answering;
        state.nodes[OBSERVED] = verifier;
        found.push((step, state));
    };
    if now != Answering::Unaware {
        add(Step::StartAnew(index), Answering::Unaware, *verifier);
    }
    let is_registered = matches!(verifier.row, Row::Registered { .. });
    let counts_early = protocol.is(Variant::AnswerBeforeRegistration);
    if now != Answering::Unaware || counts_early {
        let head = state.database.head;
        // The age counts from before the read. That it counts from the read itself is the worst that is possible.
        let compared = match is_registered || counts_early {
            true => Answering::Compared { head, age: 0 },
            false => Answering::Unaware,
        };
        if compared != now {
            add(Step::CompareToAnswer(index, head), compared, *verifier);
        }
    }
    let Question::Asked { remaining } = verifier.question else {
        return;
    };
    match now {
        Answering::Unaware => {
            let applied = verifier.applied.unwrap_or(0);
            let row = Row::Registered { applied };
            let listed = Node { row, ..*verifier };
            add(Step::WriteRow(index), Answering::Registered, listed);
        }
        Answering::Registered => {}
        Answering::Compared { head, age } => {
            let from = match verifier.applied {
                Some(applied) if applied <= head => applied + 1,
                // The whole state.
                _ => 1,
            };
            let question = Question::Answered {
                // For how long the view will be fresh.
                remaining: match protocol.is(Variant::AnswerAgeIgnored) {
                    true => remaining,
                    false => remaining.saturating_sub(age),
                },
                head,
                changes: state.database.changes(from, head),
                is_listed: true,
            };
            let mut answered = Node {
                question,
                ..*verifier
            };
            if protocol.is(Variant::AnswerTakenForApplied) && is_registered {
                answered.row = Row::Registered { applied: head };
            }
            let step = Step::AnswerVerifier {
                node: index,
                head,
                age,
            };
            add(step, now, answered);
        }
    }
}
