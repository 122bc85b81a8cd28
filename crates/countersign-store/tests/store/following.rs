//! Changes of other processes, and stale views.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{Directory as _, StaleView, Status};
use countersign::registry::Registry as _;
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign_store::{Store, StoreError, ViewContents};

use crate::support::{ManualBootClock, REVOKE, TestFolder, new_key, new_user, operator};

#[tokio::test]
async fn revoked_key_is_seen_by_a_second_process_after_one_poll() {
    let folder = TestFolder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    let id = here
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    assert!(there.directory().credential(&id).is_none());
    there.catch_up().await.unwrap();
    let status = |store: &Store| store.directory().credential(&id).unwrap().status;
    assert_eq!(status(&there), Status::Active);

    here.change(&operator(), id, REVOKE).await.unwrap();
    assert_eq!(
        (status(&here), status(&there)),
        (Status::Revoked, Status::Active)
    );
    there.catch_up().await.unwrap();
    assert_eq!(status(&there), Status::Revoked);
}

#[tokio::test]
async fn user_of_a_second_process_is_found_by_name_after_one_poll() {
    let folder = TestFolder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    here.create_user(&operator(), new_user("aladdin"))
        .await
        .unwrap();
    there.catch_up().await.unwrap();
    let name = "aladdin".parse().unwrap();
    assert!(there.directory().user(&name).is_some());
}

#[tokio::test]
async fn change_of_another_process_is_not_skipped_after_an_own_change() {
    let folder = TestFolder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    let first = here
        .create_key(&operator(), new_key("first"))
        .await
        .unwrap()
        .record
        .id;
    let second = there
        .create_key(&operator(), new_key("second"))
        .await
        .unwrap()
        .record
        .id;
    assert!(there.directory().credential(&second).is_some());
    there.catch_up().await.unwrap();
    assert!(there.directory().credential(&first).is_some());
}

#[tokio::test]
async fn changes_of_two_processes_to_one_record_give_the_same_view() {
    let folder = TestFolder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    let id = here
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    there.change(&operator(), id, REVOKE).await.unwrap();
    for store in [&here, &there] {
        store.catch_up().await.unwrap();
        assert_eq!(
            here.change(&operator(), id, REVOKE)
                .await
                .unwrap()
                .generation,
            2
        );
        let seen = store.directory().credential(&id).unwrap();
        assert_eq!((seen.status, seen.generation), (Status::Revoked, 2));
    }
}

async fn open_with_boot_clock(folder: &TestFolder) -> (Store, ManualBootClock) {
    let boot_clock = ManualBootClock::default();
    boot_clock.advance(Duration::from_secs(1000));
    let mut options = folder.options();
    options.boot_clock = Arc::new(boot_clock.clone());
    options.max_staleness = Duration::from_secs(5);
    (Store::open(options).await.unwrap(), boot_clock)
}

#[tokio::test]
async fn view_is_fresh_until_it_is_too_old_and_again_after_a_poll() {
    let folder = TestFolder::new();
    let (store, boot_clock) = open_with_boot_clock(&folder).await;
    let view = store.directory();
    assert_eq!(view.check_freshness(), Ok(()));
    boot_clock.advance(Duration::from_secs(5));
    assert_eq!(view.check_freshness(), Ok(()));
    boot_clock.advance(Duration::from_millis(1));
    assert_eq!(view.check_freshness(), Err(StaleView));
    store.catch_up().await.unwrap();
    assert_eq!(view.check_freshness(), Ok(()));
}

#[tokio::test]
async fn failed_poll_does_not_make_the_view_fresher() {
    let folder = TestFolder::new();
    let (store, boot_clock) = open_with_boot_clock(&folder).await;
    folder
        .execute("ALTER TABLE change_head RENAME TO lost")
        .await;
    boot_clock.advance(Duration::from_secs(6));
    let error = store.catch_up().await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)));
    assert_eq!(store.directory().check_freshness(), Err(StaleView));

    folder
        .execute("ALTER TABLE lost RENAME TO change_head")
        .await;
    store.catch_up().await.unwrap();
    assert_eq!(store.directory().check_freshness(), Ok(()));
}

#[tokio::test]
async fn replaced_or_removed_database_is_neither_read_nor_written() {
    for replaced in [true, false] {
        let (folder, other) = (TestFolder::sqlite(), TestFolder::sqlite());
        other.open().await.close().await.unwrap();
        let (store, boot_clock) = open_with_boot_clock(&folder).await;
        let id = store
            .create_key(&operator(), new_key("ci"))
            .await
            .unwrap()
            .record
            .id;
        let (path, aside) = (folder.file("countersign.db"), folder.file("aside"));
        fs::rename(&path, &aside).unwrap();
        if replaced {
            fs::rename(other.file("countersign.db"), &path).unwrap();
        }

        boot_clock.advance(Duration::from_secs(6));
        for _ in 0..2 {
            let error = store.catch_up().await.unwrap_err();
            assert!(matches!(error, StoreError::FileReplaced(_)), "{error}");
            assert!(error.to_string().contains("restart the server"));
        }
        assert_eq!(store.directory().check_freshness(), Err(StaleView));
        for rejected in [
            store.change(&operator(), id, REVOKE).await.err(),
            store.create_key(&operator(), new_key("lost")).await.err(),
            store.show(&operator(), id).await.err(),
        ] {
            let rejected = rejected.unwrap().to_string();
            assert!(rejected.contains("restart the server"), "{rejected}");
        }
        let error = store.set_issuer_url("default", "http://x").await;
        assert!(matches!(error, Err(StoreError::FileReplaced(_))));
        let error = store.check().await.unwrap_err();
        assert!(matches!(error, StoreError::FileReplaced(_)));

        // After it was moved back, it is the file that was opened.
        fs::rename(&aside, &path).unwrap();
        store.catch_up().await.unwrap();
        assert_eq!(store.directory().check_freshness(), Ok(()));
        assert_eq!(
            store.change(&operator(), id, REVOKE).await.unwrap().status,
            Status::Revoked
        );
    }
}

#[tokio::test]
async fn change_log_with_a_gap_is_rejected() {
    let folder = TestFolder::new();
    let (store, boot_clock) = open_with_boot_clock(&folder).await;
    folder.execute("UPDATE change_head SET number = 1").await;
    boot_clock.advance(Duration::from_secs(6));
    // Twice: the error persists although the file has not changed in the meantime.
    for _ in 0..2 {
        let error = store.catch_up().await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)));
        assert_eq!(store.directory().check_freshness(), Err(StaleView));
    }
}

#[tokio::test]
async fn no_denial_is_forgotten_if_changes_were_lost() {
    let folder = TestFolder::new();
    let (store, _) = open_with_boot_clock(&folder).await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let id = created.record.id;
    store.change(&operator(), id, REVOKE).await.unwrap();
    folder
        .execute(
            "DELETE FROM changes WHERE number = 2; UPDATE change_head SET number = 1; DELETE FROM denials;
             UPDATE credentials SET status = 'active', generation = 1",
        )
        .await;
    store.catch_up().await.unwrap();
    let view = store.directory();
    assert_eq!(view.credential(&id).unwrap().status, Status::Active);
    assert_eq!(view.lowest_generation(&id), Some(2));
}

/// A store that follows the change log itself.
async fn open_following(folder: &TestFolder) -> (Store, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)));
    let mut options = folder.options();
    options.poll_period = Some(Duration::from_millis(1));
    options.clock = clock.clone();
    (Store::open(options).await.unwrap(), clock)
}

/// Lets other tasks run until a condition is true.
async fn wait_until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .unwrap();
}

#[tokio::test]
async fn open_store_follows_changes_of_other_processes() {
    let folder = TestFolder::new();
    let (here, (there, _)) = (folder.open().await, open_following(&folder).await);
    let created = here.create_key(&operator(), new_key("ci")).await.unwrap();
    let directory = there.directory();
    wait_until(|| directory.credential(&created.record.id).is_some()).await;
    there.close().await.unwrap();
}

#[tokio::test]
async fn following_ends_when_the_store_is_closed() {
    let folder = TestFolder::new();
    let (store, clock) = open_following(&folder).await;
    // Handles that still exist do not matter.
    let directory = store.directory();
    store.close().await.unwrap();
    drop(store);
    // The task owned the state of the store, with its clock.
    wait_until(|| Arc::strong_count(&clock) == 1).await;
    drop(directory);
}

#[tokio::test]
async fn following_ends_with_the_last_handle_of_the_store_and_its_directory() {
    let folder = TestFolder::new();
    let (store, clock) = open_following(&folder).await;
    let here = folder.open().await;
    let directory = store.directory();
    drop(store);
    let created = here.create_key(&operator(), new_key("ci")).await.unwrap();
    wait_until(|| directory.credential(&created.record.id).is_some()).await;
    assert!(Arc::strong_count(&clock) > 1);
    drop(directory);
    wait_until(|| Arc::strong_count(&clock) == 1).await;
}

#[tokio::test]
async fn store_without_a_view_makes_changes_and_is_never_fresh() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let id = created.record.id;
    let mut options = folder.options();
    options.contents = ViewContents::Nothing;
    let command = Store::open(options).await.unwrap();
    let view = command.directory();
    assert_eq!(view.check_freshness(), Err(StaleView));
    let revoked = command.change(&operator(), id, REVOKE).await.unwrap();
    assert_eq!(revoked.status, Status::Revoked);
    command.catch_up().await.unwrap();
    assert_eq!(view.check_freshness(), Err(StaleView));
    assert!(view.credential(&id).is_none());
    assert_eq!(view.lowest_generation(&id), None);

    store.catch_up().await.unwrap();
    let seen = store.directory().credential(&id).unwrap();
    assert_eq!(seen.status, Status::Revoked);
    // Keys that it creates use the newest pepper.
    store.rotate_pepper(&operator()).await.unwrap();
    command.catch_up().await.unwrap();
    command
        .create_key(&operator(), new_key("new"))
        .await
        .unwrap();
    let newest = "SELECT max(pepper_version) FROM credentials";
    assert_eq!(folder.count(newest).await, 2);
}
