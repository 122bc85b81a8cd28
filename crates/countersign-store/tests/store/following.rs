//! What another process sees, and when a view stops vouching.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{Directory as _, StaleView, Status};
use countersign::registry::Registry as _;
use countersign_store::{Store, StoreError};

use crate::support::{Place, REVOKE, Uptime, key, me, user};

#[tokio::test]
async fn revoked_key_is_seen_by_a_second_process_after_one_poll() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let id = here.create_key(&me(), key("ci")).await.unwrap().record.id;
    assert!(there.directory().credential(&id).is_none());
    there.catch_up().await.unwrap();
    let status = |store: &Store| store.directory().credential(&id).unwrap().status;
    assert_eq!(status(&there), Status::Active);

    here.change(&me(), id, REVOKE).await.unwrap();
    assert_eq!(
        (status(&here), status(&there)),
        (Status::Revoked, Status::Active)
    );
    there.catch_up().await.unwrap();
    assert_eq!(status(&there), Status::Revoked);
}

#[tokio::test]
async fn user_of_a_second_process_is_found_by_name_after_one_poll() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    here.create_user(&me(), user("aladdin")).await.unwrap();
    there.catch_up().await.unwrap();
    let name = "aladdin".parse().unwrap();
    assert!(there.directory().user(&name).is_some());
}

#[tokio::test]
async fn change_of_another_process_is_not_skipped_by_a_write_of_ones_own() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let first = here
        .create_key(&me(), key("first"))
        .await
        .unwrap()
        .record
        .id;
    let second = there
        .create_key(&me(), key("second"))
        .await
        .unwrap()
        .record
        .id;
    assert!(there.directory().credential(&second).is_some());
    there.catch_up().await.unwrap();
    assert!(there.directory().credential(&first).is_some());
}

#[tokio::test]
async fn changes_of_two_processes_to_one_record_end_in_the_same_view() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let id = here.create_key(&me(), key("ci")).await.unwrap().record.id;
    there.change(&me(), id, REVOKE).await.unwrap();
    for store in [&here, &there] {
        store.catch_up().await.unwrap();
        assert_eq!(here.change(&me(), id, REVOKE).await.unwrap().generation, 2);
        let seen = store.directory().credential(&id).unwrap();
        assert_eq!((seen.status, seen.generation), (Status::Revoked, 2));
    }
}

async fn with_uptime(place: &Place) -> (Store, Uptime) {
    let uptime = Uptime::default();
    uptime.advance(Duration::from_secs(1000));
    let mut options = place.options();
    options.since_boot = Arc::new(uptime.clone());
    options.max_staleness = Duration::from_secs(5);
    (Store::open(options).await.unwrap(), uptime)
}

#[tokio::test]
async fn view_vouches_until_it_is_too_old_and_again_after_a_poll() {
    let place = Place::new();
    let (store, uptime) = with_uptime(&place).await;
    let view = store.directory();
    assert_eq!(view.check_freshness(), Ok(()));
    uptime.advance(Duration::from_secs(5));
    assert_eq!(view.check_freshness(), Ok(()));
    uptime.advance(Duration::from_millis(1));
    assert_eq!(view.check_freshness(), Err(StaleView));
    store.catch_up().await.unwrap();
    assert_eq!(view.check_freshness(), Ok(()));
}

#[tokio::test]
async fn poll_that_fails_makes_the_view_no_fresher() {
    let place = Place::new();
    let (store, uptime) = with_uptime(&place).await;
    place
        .execute("ALTER TABLE change_head RENAME TO lost")
        .await;
    uptime.advance(Duration::from_secs(6));
    let error = store.catch_up().await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)));
    assert_eq!(store.directory().check_freshness(), Err(StaleView));

    place
        .execute("ALTER TABLE lost RENAME TO change_head")
        .await;
    store.catch_up().await.unwrap();
    assert_eq!(store.directory().check_freshness(), Ok(()));
}

#[tokio::test]
async fn database_that_was_replaced_or_removed_is_neither_believed_nor_written() {
    for replaced in [true, false] {
        let (place, other) = (Place::new(), Place::new());
        other.open().await.close().await.unwrap();
        let (store, uptime) = with_uptime(&place).await;
        let id = store.create_key(&me(), key("ci")).await.unwrap().record.id;
        let (path, aside) = (place.file("countersign.db"), place.file("aside"));
        fs::rename(&path, &aside).unwrap();
        if replaced {
            fs::rename(other.file("countersign.db"), &path).unwrap();
        }

        uptime.advance(Duration::from_secs(6));
        for _ in 0..2 {
            let error = store.catch_up().await.unwrap_err();
            assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
            assert!(error.to_string().contains("restart the server"));
        }
        assert_eq!(store.directory().check_freshness(), Err(StaleView));
        for refused in [
            store.change(&me(), id, REVOKE).await.err(),
            store.create_key(&me(), key("lost")).await.err(),
            store.show(&me(), id).await.err(),
        ] {
            let refused = refused.unwrap().to_string();
            assert!(refused.contains("restart the server"), "{refused}");
        }
        let error = store.set_issuer_url("default", "http://x").await;
        assert!(matches!(error, Err(StoreError::Replaced { .. })));
        let error = store.check().await.unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }));

        // Put back, it is the one that was opened.
        fs::rename(&aside, &path).unwrap();
        store.catch_up().await.unwrap();
        assert_eq!(store.directory().check_freshness(), Ok(()));
        assert_eq!(
            store.change(&me(), id, REVOKE).await.unwrap().status,
            Status::Revoked
        );
    }
}

#[tokio::test]
async fn log_with_a_gap_refused() {
    let place = Place::new();
    let (store, uptime) = with_uptime(&place).await;
    place.execute("UPDATE change_head SET number = 1").await;
    uptime.advance(Duration::from_secs(6));
    // Twice: a refusal is not forgotten because the file has not changed since.
    for _ in 0..2 {
        let error = store.catch_up().await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }));
        assert_eq!(store.directory().check_freshness(), Err(StaleView));
    }
}

#[tokio::test]
async fn log_shorter_than_what_was_applied_refused() {
    let place = Place::new();
    let (store, _) = with_uptime(&place).await;
    store.create_key(&me(), key("ci")).await.unwrap();
    place
        .execute("DELETE FROM changes; UPDATE change_head SET number = 0")
        .await;
    let error = store.catch_up().await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }));
}

#[tokio::test]
async fn follower_brings_changes_and_ends_when_the_store_is_closed() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let following = tokio::spawn(there.follow(Duration::from_millis(1)));
    let id = here.create_key(&me(), key("ci")).await.unwrap().record.id;
    let seen = async {
        while there.directory().credential(&id).is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen)
        .await
        .unwrap();
    there.close().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), following)
        .await
        .unwrap()
        .unwrap();
}
