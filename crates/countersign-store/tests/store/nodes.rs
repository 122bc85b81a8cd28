//! Waiting for other processes, with either database.

use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{Directory as _, StaleView, Status};
use countersign::registry::Registry as _;
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign_store::{Incomplete, Store, ViewContents};

use crate::support::{ManualBootClock, REVOKE, TestFolder, new_key, operator};

/// More than the lease of a node.
const LEASE: Duration = Duration::from_secs(31);

struct Machine {
    folder: TestFolder,
    clock: FixedClock,
    boot_clock: ManualBootClock,
}

impl Machine {
    fn new() -> Self {
        Self {
            folder: TestFolder::new(),
            clock: FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)),
            boot_clock: ManualBootClock::default(),
        }
    }

    async fn open(&self, contents: ViewContents) -> Store {
        let mut options = self.folder.options();
        options.clock = Arc::new(self.clock.clone());
        options.boot_clock = Arc::new(self.boot_clock.clone());
        options.contents = contents;
        Store::open(options).await.unwrap()
    }
}

async fn follow(store: &Store) {
    store.catch_up().await.unwrap();
    store.acknowledge().await.unwrap();
}

#[tokio::test]
async fn command_has_a_receipt_when_every_server_rejects_the_key_that_it_revoked() {
    let machine = Machine::new();
    let command = machine.open(ViewContents::Nothing).await;
    let key = new_key("ci");
    let created = command.create_key(&operator(), key).await.unwrap();
    let id = created.record.id;
    let nothing = command.wait_for_nodes(Duration::ZERO).await;
    assert!(nothing.is_complete() && nothing.nodes == 0);

    let servers = [
        machine.open(ViewContents::Everything).await,
        machine.open(ViewContents::Denials).await,
    ];
    for server in &servers {
        server.acknowledge().await.unwrap();
    }
    command.change(&operator(), id, REVOKE).await.unwrap();
    let receipt = command.wait_for_nodes(Duration::ZERO).await;
    let Some(Incomplete::NotAcknowledged(names)) = receipt.incomplete else {
        panic!("no server has read the change");
    };
    assert_eq!(names.len(), 2);
    follow(&servers[0]).await;
    let receipt = command.wait_for_nodes(Duration::ZERO).await;
    assert_eq!((receipt.nodes, receipt.applied), (2, 1));
    assert!(!receipt.is_complete());
    follow(&servers[1]).await;
    let receipt = command.wait_for_nodes(Duration::ZERO).await;
    assert_eq!((receipt.nodes, receipt.applied), (2, 2));
    assert!(receipt.is_complete());
    let seen = servers[0].directory().credential(&id).unwrap();
    assert_eq!(seen.status, Status::Revoked);
    assert_eq!(servers[1].directory().lowest_generation(&id), Some(2));

    for server in servers {
        let view = server.directory();
        server.close().await.unwrap();
        assert_eq!(view.check_freshness(), Err(StaleView));
    }
    assert!(command.list_nodes().await.unwrap().nodes.is_empty());
}

#[tokio::test]
async fn server_that_is_taken_for_dead_is_not_fresh_until_it_has_registered_again() {
    let machine = Machine::new();
    let here = machine.open(ViewContents::Everything).await;
    let there = machine.open(ViewContents::Everything).await;
    follow(&there).await;
    let age = || there.directory().age().unwrap();
    machine.boot_clock.advance(Duration::from_secs(1));
    there.catch_up().await.unwrap();
    assert_eq!(age(), Duration::ZERO);

    machine.clock.advance(LEASE);
    here.maintain().await.unwrap();
    let nodes = here.list_nodes().await.unwrap().nodes;
    assert!(nodes.iter().any(|node| node.is_leaving));
    machine.boot_clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        there.catch_up().await.unwrap();
        assert_eq!(age(), Duration::from_secs(1));
    }
    follow(&there).await;
    there.catch_up().await.unwrap();
    assert_eq!(age(), Duration::ZERO);
    machine.boot_clock.advance(Duration::from_secs(60));
    here.maintain().await.unwrap();
    assert_eq!(here.list_nodes().await.unwrap().nodes.len(), 2);
}
