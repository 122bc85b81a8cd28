//! A writer: one transaction for each change, and the receipt.

use super::{Arm, Found, Step};
use crate::state::{MAX_STALENESS, RECEIPT_BOUND, Row, State, Writer};
use crate::variant::{Protocol, Variant};

pub(super) fn steps(protocol: &Protocol, state: &State, writer: usize, found: &mut Found) {
    let now = state.writers[writer];
    let mut add = |step, next| {
        let mut state = *state;
        state.writers[writer] = next;
        found.push((step, state));
    };
    match now {
        Writer::Idle => return take_number(protocol, state, writer, found),
        Writer::Numbered { .. } => {
            // The writer is paused for too long, or loses its connection.
            add(Step::EndTransaction(writer), Writer::Idle);
        }
        Writer::Waiting { .. } => {}
    }
    add(Step::CrashWriter(writer), Writer::Idle);
    match now {
        Writer::Idle => {}
        Writer::Numbered { number, remaining } => {
            commit(protocol, state, writer, (number, remaining), found);
        }
        Writer::Waiting {
            number,
            change,
            remaining,
            awaited,
        } => {
            let unread = awaited.unwrap_or([true; 2]);
            let looked = Some(still_awaited(protocol, state, unread, number));
            // Without any remaining time, the rows do not matter.
            if looked != awaited && remaining > 0 {
                let next = Writer::Waiting {
                    number,
                    change,
                    remaining,
                    awaited: looked,
                };
                add(Step::ReadRows(writer), next);
            }
            let mut complete = |arm| {
                let mut next = *state;
                next.writers[writer] = Writer::Idle;
                next.complete = next.complete.with(change);
                found.push((Step::CompleteReceipt(writer, change, arm), next));
            };
            if remaining == 0 {
                complete(Arm::Elapsed);
            }
            if awaited == Some([false; 2]) {
                complete(Arm::Acknowledged);
            }
        }
    }
}

/// Returns how long a writer waits for nodes that do not acknowledge, on its own clock.
fn wait(protocol: &Protocol) -> u8 {
    match protocol.is(Variant::DriftIgnored) {
        true => MAX_STALENESS,
        false => RECEIPT_BOUND,
    }
}

/// Returns which of the awaited nodes have a row that does not acknowledge the number. The rows are read after the commit. Nodes
/// that register later do not matter.
fn still_awaited(protocol: &Protocol, state: &State, awaited: [bool; 2], number: u8) -> [bool; 2] {
    let [first, second] = awaited;
    let [node_1, node_2] = state.nodes.map(|node| match node.row {
        Row::Absent => false,
        Row::Registered { applied: 0 } if protocol.is(Variant::UnacknowledgedRowIgnored) => false,
        Row::Registered { applied } | Row::Leaving { applied, .. } => applied < number,
    });
    [first && node_1, second && node_2]
}

/// Takes the next number from the locked row of the head. The lock is held to the end of the transaction, and a transaction
/// that fails returns its number.
fn take_number(protocol: &Protocol, state: &State, writer: usize, found: &mut Found) {
    let mut next = *state;
    let number = if protocol.is(Variant::NumberFromSequence) {
        next.database.sequence += 1;
        next.database.sequence
    } else {
        let is_locked = state
            .writers
            .iter()
            .any(|writer| matches!(writer, Writer::Numbered { .. }));
        if is_locked {
            return;
        }
        state.database.head + 1
    };
    // A sequence does not return the numbers of transactions that failed. A promoted asynchronous standby gives out numbers again.
    if number.max(state.database.committed + 1) > protocol.changes {
        return;
    }
    let remaining = wait(protocol);
    next.writers[writer] = Writer::Numbered { number, remaining };
    found.push((Step::TakeNumber(writer, number), next));
}

fn commit(
    protocol: &Protocol,
    state: &State,
    writer: usize,
    (number, remaining): (u8, u8),
    found: &mut Found,
) {
    let mut next = *state;
    next.database.committed += 1;
    let change = next.database.committed;
    next.database.log[usize::from(number) - 1] = change;
    next.database.head = number.max(next.database.head);
    next.writers[writer] = Writer::Waiting {
        number,
        change,
        // A wait that counts from the commit itself is the shortest that the protocol allows: the writer learns of the commit
        // later.
        remaining: match protocol.is(Variant::WaitFromBeforeCommit) {
            true => remaining,
            false => wait(protocol),
        },
        awaited: None,
    };
    // The protocol does not depend on notifications: a node may ask at any time.
    let losses: &[[bool; 2]] = match protocol.renews_without_comparison() {
        true => &[[false, false], [false, true], [true, false], [true, true]],
        false => &[[false, false]],
    };
    for &lost in losses {
        let mut next = next;
        if protocol.renews_without_comparison() {
            for (node, lost) in next.nodes.iter_mut().zip(lost) {
                node.is_notified |= node.is_running && !lost;
            }
        }
        let step = Step::Commit {
            writer,
            change,
            lost,
        };
        found.push((step, next));
    }
}
