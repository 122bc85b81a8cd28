//! The server is killed again and again while two nodes write. `POSTGRES_CRASHES=200` runs more rounds than the usual three.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use countersign::Id;
use countersign::directory::Status;
use countersign::registry::Registry as _;
use countersign_store::{Store, StoreOptions, Verified};
use countersign_test_postgres::Cluster;

use crate::support::{REVOKE, TestFolder, new_key, operator};

/// What the nodes have done and were told that it is done.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicUsize,
    stop: AtomicBool,
}

/// Creates and revokes keys until it is stopped, whatever fails. Returns the keys whose creation was acknowledged, and whether
/// their revocation was.
async fn write(store: Store, progress: Arc<Progress>) -> Vec<(Id, bool)> {
    let mut acknowledged = Vec::new();
    while !progress.stop.load(Ordering::SeqCst) {
        let Ok(created) = store.create_key(&operator(), new_key("ci")).await else {
            continue;
        };
        let id = created.record.id;
        let revoked = store.change(&operator(), id, REVOKE).await.is_ok();
        acknowledged.push((id, revoked));
        progress.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

/// Waits until so many more keys were created and revoked.
async fn wait_for(progress: &Progress, more: usize) {
    let enough = progress.acknowledged.load(Ordering::SeqCst) + more;
    while progress.acknowledged.load(Ordering::SeqCst) < enough {
        tokio::task::yield_now().await;
    }
}

/// Checks that nothing is lost that was acknowledged.
async fn check(options: &StoreOptions, acknowledged: &[(Id, bool)]) {
    let store = Store::open(options.clone()).await.unwrap();
    for (id, revoked) in acknowledged {
        let status = store.show(&operator(), *id).await.unwrap().status;
        assert!(!revoked || status == Status::Revoked, "{id}: {status:?}");
    }
    let verified = store.verify_audit(None).await.unwrap();
    assert!(matches!(verified, Verified::Intact { .. }), "{verified:?}");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_change_is_lost_when_the_server_is_killed() {
    let rounds = std::env::var("POSTGRES_CRASHES");
    let rounds = rounds.map_or(3, |rounds| rounds.parse().unwrap());
    let (folder, cluster) = (TestFolder::postgres(), Cluster::temporary());
    let mut options = folder.options();
    options.url = cluster.url("postgres");
    let nodes = [
        Store::open(options.clone()).await.unwrap(),
        Store::open(options.clone()).await.unwrap(),
    ];
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let progress = Arc::new(Progress::default());
        let tasks = nodes.clone().map(|store| {
            let progress = Arc::clone(&progress);
            tokio::spawn(write(store, progress))
        });
        wait_for(&progress, round % 7 + 1).await;
        cluster.kill();
        cluster.restart();
        // The nodes connect again by themselves.
        wait_for(&progress, 4).await;
        progress.stop.store(true, Ordering::SeqCst);
        for task in tasks {
            acknowledged.extend(task.await.unwrap());
        }
        check(&options, &acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_change_is_lost_when_the_standby_takes_over() {
    let (folder, primary) = (TestFolder::postgres(), Cluster::temporary());
    let standby = primary.standby();
    let mut options = folder.options();
    let (one, other) = (primary.port(), standby.port());
    options.url = format!("postgres://postgres@127.0.0.1:{one},127.0.0.1:{other}/postgres");
    // The pools follow the node that looks for the primary.
    options.poll_period = Some(std::time::Duration::from_millis(50));
    let store = Store::open(options.clone()).await.unwrap();
    let progress = Arc::new(Progress::default());
    let task = tokio::spawn(write(store, Arc::clone(&progress)));
    wait_for(&progress, 5).await;
    primary.kill();
    standby.promote();
    wait_for(&progress, 4).await;
    progress.stop.store(true, Ordering::SeqCst);
    let acknowledged = task.await.unwrap();
    check(&options, &acknowledged).await;
}
