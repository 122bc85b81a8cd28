use std::time::Duration;

use countersign::Id;
use countersign::time::Timestamp;

use super::*;
use crate::records::NodeRecord;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const EPOCH: Id = Id::from_bytes([1; 20]);
const OTHER_EPOCH: Id = Id::from_bytes([2; 20]);
const CHANGE: i64 = 7;
const STALENESS: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);
const BEGAN: Duration = Duration::from_secs(100);

fn node(number: u8, applied: i64) -> NodeRecord {
    NodeRecord {
        id: Id::from_bytes([number; 20]),
        name: format!("machine:{number}"),
        is_leaving: false,
        applied,
        view_age: Duration::ZERO,
        seen_at: NOW,
        started_at: NOW,
        max_staleness: STALENESS,
        serves_stale: false,
        registration: 1,
        epoch: Some(EPOCH),
    }
}

fn serves_stale(node: NodeRecord) -> NodeRecord {
    NodeRecord {
        serves_stale: true,
        ..node
    }
}

fn leaving(node: NodeRecord) -> NodeRecord {
    NodeRecord {
        is_leaving: true,
        ..node
    }
}

fn begin(nodes: &[NodeRecord]) -> Propagation {
    Propagation::new((EPOCH, CHANGE), nodes, BEGAN)
}

#[test]
fn bound_covers_the_slowest_clock_of_a_node_and_the_fastest_of_the_process_that_waits() {
    for staleness in [SECOND, STALENESS, Duration::from_secs(3600)] {
        // The fastest clock shows this time when the slowest one shows `staleness`.
        let fastest = staleness.as_secs_f64() * 1.0002 / 0.9998;
        let bound = bound(staleness).as_secs_f64();
        assert!(bound >= fastest && bound < fastest + 0.001, "{staleness:?}");
    }
    assert_eq!(bound(Duration::ZERO), Duration::ZERO);
    assert!(bound(Duration::MAX) > Duration::from_secs(500 * 365 * 24 * 3600));
}

#[test]
fn receipt_is_complete_when_each_node_has_acknowledged_the_change() {
    let mut wait = begin(&[node(1, 6), node(2, 6)]);
    wait.look(EPOCH, &[node(1, 7), node(2, 6)], BEGAN + SECOND);
    assert!(!wait.has_ended());
    wait.look(EPOCH, &[node(1, 9), node(2, 8)], BEGAN + SECOND * 2);
    assert!(wait.has_ended());
    let receipt = wait.end(None);
    assert!(receipt.is_complete());
    assert_eq!(receipt.change, Some(CHANGE));
    assert_eq!((receipt.nodes, receipt.applied, receipt.lapsed), (2, 2, 0));
    assert_eq!(receipt.slowest, SECOND * 2);
}

#[test]
fn node_that_does_not_acknowledge_is_awaited_for_the_bound_and_not_less() {
    let nodes = [node(1, 7), node(2, 6)];
    let mut wait = begin(&nodes);
    wait.look(EPOCH, &nodes, BEGAN + STALENESS);
    assert!(!wait.has_ended(), "the view may be fresh on a slow clock");
    wait.look(EPOCH, &nodes, BEGAN + bound(STALENESS));
    assert!(wait.has_ended());
    let receipt = wait.end(None);
    assert!(receipt.is_complete());
    assert_eq!((receipt.applied, receipt.lapsed), (1, 1));
    assert_eq!(receipt.slowest, STALENESS, "that of the first look");
}

#[test]
fn node_with_a_longer_bound_is_awaited_longer() {
    let patient = NodeRecord {
        max_staleness: STALENESS * 10,
        ..node(1, 6)
    };
    let nodes = [patient];
    let mut wait = begin(&nodes);
    wait.look(EPOCH, &nodes, BEGAN + STALENESS * 9);
    assert!(!wait.has_ended());
    let receipt = wait.end(None);
    let Some(Incomplete::NotAcknowledged(names)) = &receipt.incomplete else {
        panic!("{receipt:?}");
    };
    assert_eq!(names, &["machine:1"]);
    assert_eq!((receipt.nodes, receipt.applied, receipt.lapsed), (1, 0, 0));
}

#[test]
fn node_that_is_being_removed_is_awaited_until_its_row_is_gone() {
    let mut wait = begin(&[leaving(node(1, 6))]);
    wait.look(EPOCH, &[leaving(node(1, 6))], BEGAN + SECOND);
    assert!(!wait.has_ended());
    wait.look(EPOCH, &[], BEGAN + SECOND);
    assert!(wait.has_ended());
    let receipt = wait.end(None);
    assert!(receipt.is_complete());
    assert_eq!((receipt.applied, receipt.lapsed), (0, 1));
}

#[test]
fn node_that_registers_after_the_commit_is_not_awaited() {
    let mut wait = begin(&[node(1, 6)]);
    wait.look(EPOCH, &[node(1, 7), node(2, 0)], BEGAN);
    assert!(wait.has_ended());
    assert_eq!(wait.end(None).nodes, 1);
}

#[test]
fn node_that_serves_stale_is_awaited_until_it_acknowledges_the_change() {
    let nodes = [serves_stale(node(1, 6))];
    let mut wait = begin(&nodes);
    wait.look(EPOCH, &nodes, BEGAN + STALENESS * 1000);
    assert!(!wait.has_ended());
    wait.look(EPOCH, &[serves_stale(node(1, 7))], BEGAN + STALENESS * 1001);
    assert!(wait.has_ended());
}

#[test]
fn acknowledgement_of_another_history_does_not_count() {
    let elsewhere = NodeRecord {
        epoch: Some(OTHER_EPOCH),
        ..node(1, 99)
    };
    let new = NodeRecord {
        epoch: None,
        ..node(2, 99)
    };
    let nodes = [elsewhere, new];
    let mut wait = begin(&nodes);
    wait.look(EPOCH, &nodes, BEGAN);
    assert!(!wait.has_ended());
    wait.look(OTHER_EPOCH, &nodes, BEGAN);
    assert!(wait.has_ended());
    let receipt = wait.end(None);
    assert!(matches!(receipt.incomplete, Some(Incomplete::NewHistory)));
}

#[test]
fn without_nodes_there_is_nothing_to_wait_for() {
    let wait = begin(&[]);
    assert!(wait.has_ended());
    assert!(wait.end(None).is_complete());
}

#[test]
fn removal_ends_the_bound_after_this_process_has_seen_the_mark() {
    let mut evictions = Evictions::default();
    let nodes = [leaving(node(1, 7)), node(2, 7)];
    assert!(evictions.due(&nodes, BEGAN).is_empty());
    assert!(evictions.due(&nodes, BEGAN + STALENESS).is_empty());
    let due = evictions.due(&nodes, BEGAN + bound(STALENESS));
    assert_eq!(due, [&nodes[0]]);
}

#[test]
fn removal_begins_anew_after_the_node_has_registered_again() {
    let mut evictions = Evictions::default();
    let first = leaving(node(1, 7));
    evictions.due(std::slice::from_ref(&first), BEGAN);
    let second = NodeRecord {
        registration: 2,
        ..first
    };
    let late = BEGAN + bound(STALENESS);
    assert!(evictions.due(&[second], late).is_empty());
}

#[test]
fn removal_begins_when_the_row_is_old_by_any_clock() {
    let node = node(1, 7);
    let later = |seconds| Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds);
    assert!(!has_expired(&node, later(30)));
    assert!(has_expired(&node, later(31)));
    // The clock of the node was ahead.
    assert!(!has_expired(&node, later(-30)));
    assert!(has_expired(&node, later(-31)));
    assert!(!has_expired(&serves_stale(node), later(31)));
}
