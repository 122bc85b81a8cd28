//! Time: each clock counts one unit or two, whatever the others count.

use super::{Found, Step};
use crate::state::{Answering, MAX_STALENESS, Node, Question, Row, State, Writer};
use crate::variant::{Protocol, Rates, Variant};

/// Adds a step for each combination of rates of the clocks that are in use.
pub(super) fn steps(protocol: &Protocol, state: &State, found: &mut Found) {
    let uses = clocks_in_use(protocol, state);
    if !uses.contains(&true) {
        return;
    }
    let mut combinations = vec![[0; 6]];
    for (clock, _) in uses.iter().enumerate().filter(|(_, is_used)| **is_used) {
        let rates: &[u8] = match (protocol.rates, clock) {
            (Rates::Any, _) => &[1, 2],
            (Rates::Worst, 2 | 3) => &[1],
            (Rates::Worst, _) => &[2],
        };
        let combined = combinations.iter().flat_map(|units| {
            rates.iter().map(move |rate| {
                let mut units = *units;
                units[clock] = *rate;
                units
            })
        });
        combinations = combined.collect();
    }
    for units in combinations {
        found.push((Step::PassTime(units), passed(protocol, state, units)));
    }
}

/// Returns which of the clocks measure a duration: of two writers, of two nodes, and of the processes that remove their rows. Nodes
/// that answer a verifier have the clock of the second node.
fn clocks_in_use(protocol: &Protocol, state: &State) -> [bool; 6] {
    let writer =
        |writer: Writer| remaining_of_writer(protocol, writer).is_some_and(|left| left > 0);
    let node = |node: &Node| node.fresh > 0 || remaining_of_question(node.question) > 0;
    let row = |node: &Node| matches!(node.row, Row::Leaving { remaining, .. } if remaining > 0);
    let ([one, two], [first, second]) = (state.writers, &state.nodes);
    let answers = |node: &Answering| matches!(node, Answering::Compared { .. });
    [
        writer(one),
        writer(two),
        node(first),
        node(second) || state.answering.iter().any(answers),
        row(first),
        row(second),
    ]
}

fn remaining_of_writer(protocol: &Protocol, writer: Writer) -> Option<u8> {
    match writer {
        Writer::Waiting { remaining, .. } => Some(remaining),
        Writer::Numbered { remaining, .. } => protocol
            .is(Variant::WaitFromBeforeCommit)
            .then_some(remaining),
        Writer::Idle => None,
    }
}

const fn remaining_of_question(question: Question) -> u8 {
    match question {
        Question::None => 0,
        Question::Asked { remaining } | Question::Answered { remaining, .. } => remaining,
    }
}

/// Returns the state after the clocks have counted these units.
fn passed(protocol: &Protocol, state: &State, units: [u8; 6]) -> State {
    let mut next = *state;
    let [writer_1, writer_2, node_1, node_2, row_1, row_2] = units;
    for (writer, units) in next.writers.iter_mut().zip([writer_1, writer_2]) {
        match writer {
            Writer::Waiting {
                remaining, awaited, ..
            } => {
                *remaining = remaining.saturating_sub(units);
                if *remaining == 0 {
                    *awaited = None;
                }
            }
            Writer::Numbered { remaining, .. } if protocol.is(Variant::WaitFromBeforeCommit) => {
                *remaining = remaining.saturating_sub(units);
            }
            _ => {}
        }
    }
    for (node, units) in next.nodes.iter_mut().zip([node_1, node_2]) {
        node.fresh = node.fresh.saturating_sub(units);
        let (Question::Asked { remaining } | Question::Answered { remaining, .. }) =
            &mut node.question
        else {
            continue;
        };
        *remaining = remaining.saturating_sub(units);
        // The answer would prove nothing any more.
        if *remaining == 0 && !protocol.is(Variant::AgeFromArrival) {
            node.question = Question::None;
        }
    }
    for node in &mut next.answering {
        if let Answering::Compared { age, .. } = node {
            *age += node_2;
            // An answer would prove nothing any more.
            if *age >= MAX_STALENESS {
                *node = Answering::Registered;
            }
        }
    }
    for (node, units) in next.nodes.iter_mut().zip([row_1, row_2]) {
        if let Row::Leaving { remaining, .. } = &mut node.row {
            *remaining = remaining.saturating_sub(units);
            if *remaining == 0 {
                node.row = Row::Absent;
            }
        }
    }
    next
}
