//! Several stores on one database, with clocks that the tests advance. No test waits for a time to pass.

mod removal;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Directory as _, StaleView, Status};
use countersign::registry::{Caller, Change, NewKey, Registry as _};
use countersign::testing::FixedClock;
use countersign::time::Timestamp;

use super::*;
use crate::{BootClock, StoreOptions, ViewContents, WhenStale};

/// More than the bound for `STALENESS`.
const BOUND: Duration = Duration::from_millis(5003);
const STALENESS: Duration = Duration::from_secs(5);
const LEASE: Duration = Duration::from_secs(31);
const SECOND: Duration = Duration::from_secs(1);
const REVOKE: Change = Change::Revoke { reason: None };

#[derive(Default)]
struct ManualBootClock(AtomicU64);

impl BootClock for ManualBootClock {
    fn since_boot(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A machine with a database, on which processes run.
struct Machine {
    folder: tempfile::TempDir,
    clock: FixedClock,
    boot_clock: Arc<ManualBootClock>,
}

impl Machine {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)),
            boot_clock: Arc::default(),
        }
    }

    fn options(&self) -> StoreOptions {
        let file = self.folder.path().join("countersign.db");
        let mut options = StoreOptions::new(format!("sqlite://{}", file.display()));
        options.clock = Arc::new(self.clock.clone());
        options.boot_clock = self.boot_clock.clone();
        options.poll_period = None;
        options.max_staleness = STALENESS;
        options
    }

    async fn open(&self) -> Store {
        Store::open(self.options()).await.unwrap()
    }

    /// Opens a store that makes changes and decides on no requests.
    async fn open_command(&self) -> Store {
        let mut options = self.options();
        options.contents = ViewContents::Nothing;
        Store::open(options).await.unwrap()
    }

    async fn open_serving_stale(&self) -> Store {
        let mut options = self.options();
        options.when_stale = WhenStale::Serve;
        Store::open(options).await.unwrap()
    }

    /// Lets time pass on both clocks.
    fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
        let millis = u64::try_from(duration.as_millis()).unwrap();
        self.boot_clock.0.fetch_add(millis, Ordering::SeqCst);
    }
}

fn operator() -> Caller {
    Caller::operator("test")
}

async fn create(store: &Store) -> Id {
    let new = NewKey::new("ci", "a".parse().unwrap());
    store.create_key(&operator(), new).await.unwrap().record.id
}

async fn revoke(store: &Store, id: Id) {
    store.change(&operator(), id, REVOKE).await.unwrap();
}

/// Reads and acknowledges changes, as an open store does by itself.
async fn follow(store: &Store) {
    store.catch_up().await.unwrap();
    store.acknowledge().await.unwrap();
}

/// Looks at the nodes again. Returns whether the wait has ended.
async fn look(store: &Store, wait: &mut Propagation) -> bool {
    store.0.look(wait).await.unwrap();
    wait.has_ended()
}

async fn nodes(store: &Store) -> Vec<NodeRecord> {
    store.list_nodes().await.unwrap().nodes
}

#[tokio::test]
async fn receipt_is_complete_after_every_node_has_applied_and_acknowledged_the_change() {
    let machine = Machine::new();
    let (here, there) = (machine.open().await, machine.open().await);
    let id = create(&here).await;
    follow(&there).await;
    revoke(&here, id).await;
    let mut wait = here.0.begin_wait().await.unwrap();
    assert!(!look(&here, &mut wait).await);
    machine.pass(SECOND);
    there.catch_up().await.unwrap();
    assert!(!look(&here, &mut wait).await, "applied, not acknowledged");
    there.acknowledge().await.unwrap();
    assert!(look(&here, &mut wait).await);
    let receipt = wait.end(None);
    assert!(receipt.is_complete());
    assert_eq!((receipt.nodes, receipt.applied, receipt.lapsed), (2, 2, 0));
    assert_eq!(receipt.slowest, SECOND);
    let seen = there.directory().credential(&id).unwrap();
    assert_eq!(seen.status, Status::Revoked);
}

#[tokio::test]
async fn node_that_stops_following_decides_nothing_once_the_receipt_is_complete() {
    let machine = Machine::new();
    let (here, frozen) = (machine.open().await, machine.open().await);
    let id = create(&here).await;
    follow(&frozen).await;
    revoke(&here, id).await;
    let mut wait = here.0.begin_wait().await.unwrap();
    machine.pass(STALENESS);
    let view = frozen.directory();
    assert_eq!(view.check_freshness(), Ok(()));
    assert_eq!(view.credential(&id).unwrap().status, Status::Active);
    assert!(!look(&here, &mut wait).await, "it accepts the key still");

    machine.pass(BOUND - STALENESS);
    assert!(look(&here, &mut wait).await);
    assert_eq!(view.check_freshness(), Err(StaleView));
    let receipt = wait.end(None);
    assert!(receipt.is_complete());
    assert_eq!((receipt.applied, receipt.lapsed), (1, 1));
}

#[tokio::test]
async fn node_that_leaves_decides_nothing_and_is_not_awaited() {
    let machine = Machine::new();
    let (here, leaving) = (machine.open().await, machine.open().await);
    create(&here).await;
    let mut wait = here.0.begin_wait().await.unwrap();
    assert!(!look(&here, &mut wait).await);
    let view = leaving.directory();
    leaving.close().await.unwrap();
    assert_eq!(view.check_freshness(), Err(StaleView));
    assert!(look(&here, &mut wait).await);
    assert_eq!(wait.end(None).lapsed, 1);
    assert_eq!(nodes(&here).await.len(), 1);
}

#[tokio::test]
async fn node_that_registers_after_the_commit_has_the_change_and_is_not_awaited() {
    let machine = Machine::new();
    let here = machine.open().await;
    let id = create(&here).await;
    revoke(&here, id).await;
    let wait = here.0.begin_wait().await.unwrap();
    let late = machine.open().await;
    assert!(wait.has_ended());
    let seen = late.directory().credential(&id).unwrap();
    assert_eq!(seen.status, Status::Revoked);
    // It is awaited for later changes.
    create(&here).await;
    assert!(!here.0.begin_wait().await.unwrap().has_ended());
}

#[tokio::test]
async fn node_that_is_loading_is_not_awaited_and_decides_nothing_without_the_change() {
    for contents in [ViewContents::Everything, ViewContents::Denials] {
        let machine = Machine::new();
        let here = machine.open().await;
        let id = create(&here).await;
        let mut options = machine.options();
        options.contents = contents;
        let loading = Inner::connect(options).await.unwrap();
        // It has read all records, and is not registered.
        loading.poll().await.unwrap();
        assert_eq!(loading.view.check_freshness(), Err(StaleView));
        revoke(&here, id).await;
        let receipt = here.wait_for_nodes(Duration::ZERO).await;
        assert!(receipt.is_complete(), "{receipt:?}");
        assert_eq!(receipt.nodes, 1);
        assert_eq!(loading.view.lowest_generation(&id).unwrap_or(1), 1);
        assert_eq!(loading.view.check_freshness(), Err(StaleView));

        loading.join().await.unwrap();
        assert_eq!(loading.view.check_freshness(), Ok(()));
        assert_eq!(loading.view.lowest_generation(&id), Some(2));
        assert_eq!(nodes(&here).await.len(), 2);
    }
}

#[tokio::test]
async fn node_registers_with_what_it_has_loaded() {
    let machine = Machine::new();
    let here = machine.open().await;
    create(&here).await;
    let _late = machine.open().await;
    // It has acknowledged nothing since.
    let receipt = here.wait_for_nodes(Duration::ZERO).await;
    assert!(receipt.is_complete(), "{receipt:?}");
    assert_eq!((receipt.nodes, receipt.applied), (2, 2));
}

#[tokio::test]
async fn node_is_fresh_after_it_has_read_all_of_many_changes() {
    let machine = Machine::new();
    let (here, there) = (machine.open().await, machine.open().await);
    let id = create(&here).await;
    let mut transaction = here.0.begin().await.unwrap();
    // More than are read at once.
    for _ in 0..1234 {
        transaction.changed(ChangedEntity::Credential(id));
    }
    transaction.commit().await.unwrap();
    revoke(&here, id).await;
    machine.pass(SECOND);
    there.catch_up().await.unwrap();
    let view = there.directory();
    assert_eq!(view.age(), Some(Duration::ZERO));
    assert_eq!(view.credential(&id).unwrap().status, Status::Revoked);
    let position = there.0.node.as_ref().unwrap().position().unwrap();
    assert_eq!(position.applied, here.list_nodes().await.unwrap().change);
}

#[tokio::test]
async fn command_has_nothing_to_wait_for_if_no_node_runs() {
    let machine = Machine::new();
    let command = machine.open_command().await;
    create(&command).await;
    let receipt = command.wait_for_nodes(Duration::ZERO).await;
    assert!(receipt.is_complete());
    assert_eq!(receipt.nodes, 0);
}

#[tokio::test]
async fn at_most_64_calls_wait_at_once() {
    let machine = Machine::new();
    let (here, _there) = (machine.open().await, machine.open().await);
    create(&here).await;
    let waiting = here.0.waiting.try_acquire_many(63).unwrap();
    let receipt = here.wait_for_nodes(Duration::ZERO).await;
    assert!(matches!(
        receipt.incomplete,
        Some(Incomplete::NotAcknowledged(_))
    ));
    let last = here.0.waiting.try_acquire().unwrap();
    let receipt = here.wait_for_nodes(Duration::ZERO).await;
    assert!(matches!(
        receipt.incomplete,
        Some(Incomplete::TooManyWaiting)
    ));
    drop((waiting, last));
    let receipt = here.wait_for_nodes(Duration::ZERO).await;
    assert_eq!(receipt.nodes, 2);
}

#[tokio::test]
async fn node_that_serves_stale_is_complete_by_its_acknowledgement_alone() {
    let machine = Machine::new();
    let (here, stale) = (machine.open().await, machine.open_serving_stale().await);
    create(&here).await;
    let mut wait = here.0.begin_wait().await.unwrap();
    machine.pass(STALENESS * 100);
    assert!(!look(&here, &mut wait).await);
    let view = stale.directory();
    assert!(view.is_stale());
    assert_eq!(view.check_freshness(), Ok(()), "it serves");
    here.maintain().await.unwrap();
    machine.pass(STALENESS * 100);
    here.maintain().await.unwrap();
    assert!(nodes(&here).await.iter().any(|node| node.serves_stale));
    follow(&stale).await;
    assert!(look(&here, &mut wait).await);
}

#[tokio::test]
async fn node_that_served_stale_and_died_is_removed_by_the_operator() {
    let machine = Machine::new();
    let (here, stale) = (machine.open().await, machine.open_serving_stale().await);
    let id = *stale.0.node.as_ref().unwrap().id();
    let own = *here.0.node.as_ref().unwrap().id();
    let remove = |id| {
        let here = here.clone();
        async move { here.remove_node(&operator(), id).await.unwrap() }
    };
    assert!(!remove(id).await, "it has just renewed its row");
    machine.pass(LEASE);
    assert!(!remove(own).await, "it does not serve stale");
    assert!(remove(id).await);
    assert!(!remove(id).await);
    assert_eq!(nodes(&here).await.len(), 1);
}

#[tokio::test]
async fn view_is_never_fresh_before_its_first_read_and_after_the_store_was_closed() {
    for when_stale in [WhenStale::Reject, WhenStale::Serve] {
        let clock = Arc::new(ManualBootClock::default());
        let view = crate::View::new(STALENESS, when_stale, clock);
        assert_eq!(view.check_freshness(), Err(StaleView));
        assert!(view.is_stale());
        view.compared(Duration::ZERO);
        assert_eq!(view.check_freshness(), Ok(()));
        view.close();
        assert_eq!(view.check_freshness(), Err(StaleView));
    }
}

#[tokio::test]
async fn restored_database_has_no_nodes() {
    let machine = Machine::new();
    let store = machine.open().await;
    let backup = machine.folder.path().join("backup.db");
    store.backup(&operator(), &backup).await.unwrap();
    store.close().await.unwrap();
    Store::restore(&machine.options(), &operator(), &backup, None)
        .await
        .unwrap();
    let restored = machine.open().await;
    assert_eq!(nodes(&restored).await.len(), 1, "itself");
}

#[tokio::test]
async fn revoked_key_is_rejected_by_a_store_that_follows_when_the_wait_is_over() {
    let machine = Machine::new();
    let mut options = machine.options();
    options.poll_period = Some(Duration::from_millis(1));
    let (here, there) = (machine.open().await, Store::open(options).await.unwrap());
    let limit = Duration::from_secs(3600);
    for _ in 0..5 {
        let id = create(&here).await;
        let receipt = here.wait_for_nodes(limit).await;
        assert_eq!((receipt.nodes, receipt.applied), (2, 2), "{receipt:?}");
        let status = || there.directory().credential(&id).unwrap().status;
        assert_eq!(status(), Status::Active);
        revoke(&here, id).await;
        assert!(here.wait_for_nodes(limit).await.is_complete());
        assert_eq!(status(), Status::Revoked);
    }
    there.close().await.unwrap();
    assert_eq!(nodes(&here).await.len(), 1);
}

#[tokio::test]
async fn store_that_is_dropped_deregisters() {
    let machine = Machine::new();
    let here = machine.open().await;
    let mut options = machine.options();
    options.poll_period = Some(Duration::from_millis(1));
    drop(Store::open(options).await.unwrap());
    let left = async {
        while nodes(&here).await.len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), left)
        .await
        .unwrap();
}
