//! The removal of nodes that have died, or are taken for dead.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign::directory::{Directory as _, StaleView};

use super::{BOUND, LEASE, Machine, SECOND, STALENESS, create, follow, look, nodes};
use crate::sql;

#[tokio::test]
async fn node_that_crashed_is_removed_after_its_lease_and_then_the_bound() {
    let machine = Machine::new();
    let here = machine.open().await;
    // Nothing deregisters a store that is dropped, and has no task.
    drop(machine.open().await);
    machine.pass(LEASE - SECOND * 2);
    follow(&here).await;
    here.maintain().await.unwrap();
    assert!(nodes(&here).await.iter().all(|node| !node.is_leaving));
    machine.pass(SECOND * 2);
    follow(&here).await;
    here.maintain().await.unwrap();
    let nodes_now = nodes(&here).await;
    let leaving: Vec<_> = nodes_now.iter().filter(|node| node.is_leaving).collect();
    assert_eq!(leaving.len(), 1);
    assert_ne!(&leaving[0].id, here.0.node.as_ref().unwrap().id());
    machine.pass(STALENESS);
    here.maintain().await.unwrap();
    assert_eq!(nodes(&here).await.len(), 2, "it may be alive, and fresh");
    machine.pass(BOUND - STALENESS);
    here.maintain().await.unwrap();
    assert_eq!(nodes(&here).await.len(), 1);
}

#[tokio::test]
async fn command_removes_a_node_that_crashed_after_it_has_waited_for_it() {
    let machine = Machine::new();
    drop(machine.open().await);
    machine.pass(LEASE);
    let command = machine.open_command().await;
    create(&command).await;
    let mut wait = command.0.begin_wait().await.unwrap();
    assert!(!wait.has_ended());
    machine.pass(BOUND);
    assert!(look(&command, &mut wait).await);
    assert!(wait.end(None).is_complete());
    // The next call finds it gone, and has nothing to wait for.
    let receipt = command.wait_for_nodes(Duration::ZERO).await;
    assert!(receipt.is_complete());
    assert_eq!(receipt.nodes, 0);
}

#[tokio::test]
async fn node_that_has_just_crashed_is_removed_by_the_first_call_that_waits_for_it() {
    let machine = Machine::new();
    drop(machine.open().await);
    let command = machine.open_command().await;
    create(&command).await;
    let mut wait = command.0.begin_wait().await.unwrap();
    machine.pass(SECOND / 4);
    assert!(!look(&command, &mut wait).await);
    assert!(!nodes(&command).await[0].is_leaving, "it may be slow");
    machine.pass(SECOND / 4);
    assert!(!look(&command, &mut wait).await);
    assert!(nodes(&command).await[0].is_leaving);

    machine.pass(BOUND - SECOND / 2);
    assert!(look(&command, &mut wait).await, "its view is stale");
    command.0.end_evictions(Duration::ZERO).await;
    assert_eq!(nodes(&command).await.len(), 1, "the mark is too recent");
    machine.pass(SECOND / 2);
    command.0.end_evictions(Duration::ZERO).await;
    let receipt = command.wait_for_nodes(Duration::ZERO).await;
    assert!(receipt.is_complete());
    assert_eq!(receipt.nodes, 0);
}

#[tokio::test]
async fn node_that_is_slow_registers_again_before_its_view_is_stale() {
    let machine = Machine::new();
    let (here, slow) = (machine.open().await, machine.open().await);
    create(&here).await;
    let mut wait = here.0.begin_wait().await.unwrap();
    machine.pass(SECOND);
    assert!(!look(&here, &mut wait).await);
    assert!(nodes(&here).await.iter().any(|node| node.is_leaving));
    let view = slow.directory();
    assert_eq!(view.check_freshness(), Ok(()));
    // It reads the mark, registers, and acknowledges what it has read.
    for _ in 0..2 {
        follow(&slow).await;
    }
    assert_eq!(view.age(), Some(Duration::ZERO));
    assert!(look(&here, &mut wait).await);
    assert_eq!(wait.end(None).applied, 2);
    machine.pass(BOUND);
    here.0.evict().await.unwrap();
    assert_eq!(nodes(&here).await.len(), 2);
}

#[tokio::test]
async fn node_that_writes_its_row_is_not_taken_for_dead() {
    let machine = Machine::new();
    let (here, busy) = (machine.open().await, machine.open().await);
    create(&here).await;
    let mut wait = here.0.begin_wait().await.unwrap();
    machine.pass(SECOND);
    busy.acknowledge().await.unwrap();
    assert!(!look(&here, &mut wait).await);
    assert!(nodes(&here).await.iter().all(|node| !node.is_leaving));
}

#[tokio::test]
async fn node_that_is_marked_by_a_wrong_clock_is_not_fresh_until_it_registers_again() {
    let machine = Machine::new();
    let (here, there) = (machine.open().await, machine.open().await);
    // The clock of this process jumps; that of the other one is not used.
    machine.clock.advance(LEASE);
    here.0.evict().await.unwrap();
    assert!(nodes(&here).await.iter().any(|node| node.is_leaving));

    machine.boot_clock.0.fetch_add(1000, Ordering::SeqCst);
    there.catch_up().await.unwrap();
    let view = there.directory();
    assert_eq!(view.age(), Some(SECOND), "the read does not count");
    there.acknowledge().await.unwrap();
    there.catch_up().await.unwrap();
    assert_eq!(view.age(), Some(Duration::ZERO));
    machine.boot_clock.0.fetch_add(6000, Ordering::SeqCst);
    here.0.evict().await.unwrap();
    let nodes = nodes(&here).await;
    assert_eq!(nodes.len(), 2);
    assert!(nodes.iter().all(|node| !node.is_leaving));
}

#[tokio::test]
async fn node_that_reads_all_records_again_is_waited_for_once_and_registers_afterwards() {
    let machine = Machine::new();
    let (here, there) = (machine.open().await, machine.open().await);
    let reading = there.0.follower.lock().await;
    create(&here).await;
    let mut wait = here.0.begin_wait().await.unwrap();
    machine.pass(SECOND);
    assert!(!look(&here, &mut wait).await, "its view is fresh");
    machine.pass(BOUND);
    assert!(look(&here, &mut wait).await);
    here.0.end_evictions(Duration::ZERO).await;
    for _ in 0..2 {
        there.acknowledge().await.unwrap();
        assert_eq!(nodes(&here).await.len(), 1, "it decides nothing");
    }
    create(&here).await;
    let receipt = here.wait_for_nodes(Duration::ZERO).await;
    assert!(receipt.is_complete(), "{receipt:?}");

    drop(reading);
    for _ in 0..2 {
        follow(&there).await;
    }
    assert_eq!(there.directory().check_freshness(), Ok(()));
    assert_eq!(nodes(&here).await.len(), 2);
}

#[tokio::test]
async fn node_whose_row_was_deleted_is_not_fresh_until_it_registers_again() {
    let machine = Machine::new();
    let (here, there) = (machine.open().await, machine.open().await);
    let id = *there.0.node.as_ref().unwrap().id();
    let mut transaction = here.0.begin().await.unwrap();
    sql::nodes::delete(transaction.connection(), &id)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    machine.pass(BOUND);
    there.catch_up().await.unwrap();
    assert_eq!(there.directory().check_freshness(), Err(StaleView));
    follow(&there).await;
    there.catch_up().await.unwrap();
    assert_eq!(there.directory().check_freshness(), Ok(()));
    assert_eq!(nodes(&here).await.len(), 2);
}
