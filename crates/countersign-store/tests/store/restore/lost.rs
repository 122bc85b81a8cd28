//! If the changes after the backup are unknown, they are lost.

use std::fs;

use countersign::Secret;
use countersign::directory::{Directory as _, Status};
use countersign::jose::Algorithm;
use countersign::registry::{
    Change, IdempotencyKey, IdempotentOutcome, ManagedTokens as _, NewToken, Registry as _,
};
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign_store::{KeyState, NotReplayed, StoreError, Verified};

use super::{NOW, accept_loss, backed_up, files, records, restore, show, status};
use crate::service::{HOUR, Service, clock};
use crate::support::{REVOKE, TestFolder, new_key, operator};

fn lose(folder: &TestFolder) {
    fs::rename(folder.file("countersign.db"), folder.file("aside")).unwrap();
}

#[tokio::test]
async fn key_revoked_after_the_backup_stays_invalid() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store.change(&operator(), id, REVOKE).await.unwrap();
    store.close().await.unwrap();
    lose(&folder);

    let restored = restore(&folder).await.unwrap();
    assert_eq!(restored.replayed, Err(NotReplayed::Absent));
    assert_eq!((restored.suspended, restored.previous), (1, None));
    let store = folder.open().await;
    let found = store.directory().credential(&id).unwrap();
    assert_eq!((found.status, found.generation), (Status::Suspended, 2));
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
    // An operator who knows that it was not revoked can activate it.
    store
        .change(&operator(), id, Change::Activate)
        .await
        .unwrap();
    assert_eq!(status(&folder, id).await, Status::Active);
}

#[tokio::test]
async fn inactive_key_stays_inactive() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let mut ids = Vec::new();
    for (name, change) in [("suspended", Change::Suspend), ("revoked", REVOKE)] {
        let id = store
            .create_key(&operator(), new_key(name))
            .await
            .unwrap()
            .record
            .id;
        store.change(&operator(), id, change).await.unwrap();
        ids.push(id);
    }
    store
        .backup(&operator(), &folder.file("b.db"))
        .await
        .unwrap();
    store.close().await.unwrap();
    lose(&folder);
    assert_eq!(restore(&folder).await.unwrap().suspended, 0);
    assert_eq!(status(&folder, ids[0]).await, Status::Suspended);
    assert_eq!(status(&folder, ids[1]).await, Status::Revoked);
}

#[tokio::test]
async fn signing_keys_are_replaced_whether_the_loss_is_accepted_or_not() {
    for accepted in [false, true] {
        let folder = TestFolder::sqlite();
        let store = folder.open().await;
        let algorithm = Some(Algorithm::Es256);
        store.signing_keys("default", algorithm).await.unwrap();
        let lead = std::time::Duration::from_secs(60);
        store
            .rotate_signing_key(&operator(), "default", None, lead)
            .await
            .unwrap();
        store
            .backup(&operator(), &folder.file("b.db"))
            .await
            .unwrap();
        store.close().await.unwrap();
        lose(&folder);
        if accepted {
            accept_loss(&folder, NOW).await.unwrap();
        } else {
            restore(&folder).await.unwrap();
        }
        let store = folder.open().await;
        let keys = store.list_signing_keys("default").await.unwrap();
        let with = |state| keys.iter().filter(move |key| key.state == state);
        assert_eq!((keys.len(), with(KeyState::Revoked).count()), (3, 2));
        let active = with(KeyState::Active).next().unwrap();
        assert_eq!(active.algorithm, Algorithm::Es256);
        let sealed = "SELECT count(*) FROM signing_keys WHERE sealed IS NOT NULL";
        assert_eq!(folder.count(sealed).await, 1);
    }
}

#[tokio::test]
async fn sessions_and_responses_of_the_backup_are_deleted_whether_the_loss_is_accepted_or_not() {
    for accepted in [false, true] {
        let (folder, clock) = (TestFolder::sqlite(), clock());
        let service = Service::open(&folder, &clock).await;
        let key = service.create_key("ci").await;
        let token = service.open_session(&key, None).await.unwrap();
        let once = IdempotencyKey::new("k", key.record.id, [1; 32], &|_| {
            Ok(Secret::from("done".to_owned()))
        });
        let new = NewToken::new("calls:read".parse().unwrap(), NOW.plus(HOUR));
        let created = service
            .store
            .create_token(&operator(), new, Some(once))
            .await;
        let IdempotentOutcome::New(created) = created.unwrap() else {
            panic!("it was made now");
        };
        service
            .store
            .backup(&operator(), &folder.file("b.db"))
            .await
            .unwrap();
        service.store.close().await.unwrap();
        lose(&folder);
        let (restored, status) = if accepted {
            (accept_loss(&folder, NOW).await, Status::Active)
        } else {
            (restore(&folder).await, Status::Suspended)
        };
        assert_eq!(restored.unwrap().suspended, if accepted { 0 } else { 2 });
        for left in [
            "SELECT count(*) FROM sessions",
            "SELECT count(*) FROM idempotency_keys",
        ] {
            assert_eq!(folder.count(left).await, 0, "{left}");
        }
        // The generation of a managed token stays the same: its record decides.
        let store = folder.open().await;
        let shown = store.show_token(&operator(), created.id).await.unwrap();
        assert_eq!((shown.status, shown.generation), (status, 1));
        assert_eq!(store.directory().lowest_generation(&created.id), Some(1));
        let service = Service::open(&folder, &clock).await;
        assert_eq!(service.verify(&token).unwrap_err(), Reason::KeyUnknown);
    }
}

#[tokio::test]
async fn accepted_loss_leaves_every_key_as_it_was_in_the_backup() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store.change(&operator(), id, REVOKE).await.unwrap();
    store.close().await.unwrap();
    lose(&folder);
    let restored = accept_loss(&folder, NOW).await.unwrap();
    assert_eq!(restored.replayed, Err(NotReplayed::Absent));
    assert_eq!(restored.suspended, 0);
    let shown = show(&folder, id).await;
    assert_eq!((shown.status, shown.generation), (Status::Active, 1));
    let record = &folder
        .open()
        .await
        .list_audit(&operator(), None, 1)
        .await
        .unwrap()[0];
    assert_eq!(record.action, "restore");
    assert_eq!(record.detail["accepted_since"], NOW.unix_millis());
}

#[tokio::test]
async fn loss_can_be_accepted_after_everything_was_suspended() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store.close().await.unwrap();
    lose(&folder);
    restore(&folder).await.unwrap();
    assert_eq!(status(&folder, id).await, Status::Suspended);
    let restored = accept_loss(&folder, NOW).await.unwrap();
    assert_eq!(restored.replayed, Err(NotReplayed::OtherHistory));
    assert_eq!(status(&folder, id).await, Status::Active);
}

#[tokio::test]
async fn loss_that_begins_before_the_accepted_moment_is_rejected_and_changes_nothing() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    lose(&folder);
    let before = files(&folder);
    let later = Timestamp::from_unix_millis(NOW.unix_millis() + 1);
    let error = accept_loss(&folder, later).await.unwrap_err();
    assert!(matches!(error, StoreError::LossBeginsEarlier(at) if at == NOW));
    assert_eq!(files(&folder), before);
    let earlier = Timestamp::from_unix_millis(NOW.unix_millis() - 1);
    accept_loss(&folder, earlier).await.unwrap();
}

#[tokio::test]
async fn audit_log_is_intact_after_a_loss_and_a_checkpoint_of_the_lost_time_reveals_it() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store.change(&operator(), id, REVOKE).await.unwrap();
    store.rotate_pepper(&operator()).await.unwrap();
    let Verified::Intact { checkpoint, .. } = store.verify_audit(None).await.unwrap() else {
        panic!("intact");
    };
    store.close().await.unwrap();
    lose(&folder);
    restore(&folder).await.unwrap();
    let store = folder.open().await;
    assert_eq!(records(store.verify_audit(None).await.unwrap()), 3);
    for _ in 0..3 {
        let lost = store.verify_audit(Some(&checkpoint)).await.unwrap();
        assert!(matches!(lost, Verified::Broken { .. }), "{lost:?}");
        // Also when the log is longer than it was before.
        store.create_key(&operator(), new_key("new")).await.unwrap();
    }
}

/// Changes the live database after the backup, and returns why nothing was replayed.
async fn loses(folder: &TestFolder, why: NotReplayed) {
    let restored = restore(folder).await.unwrap();
    assert_eq!(restored.replayed, Err(why));
    assert!(restored.suspended > 0);
    assert!(restored.previous.unwrap().exists());
    folder.open().await.check().await.unwrap();
}

#[tokio::test]
async fn live_database_without_the_changes_after_the_backup_is_not_replayed() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    for name in ["a", "b"] {
        store.create_key(&operator(), new_key(name)).await.unwrap();
    }
    store.close().await.unwrap();
    folder
        .execute(
            "UPDATE state SET oldest_change = (SELECT number FROM change_head);
             DELETE FROM changes WHERE number < (SELECT oldest_change FROM state)",
        )
        .await;
    loses(&folder, NotReplayed::Forgotten).await;
}

#[tokio::test]
async fn live_database_that_is_older_than_the_backup_is_not_replayed() {
    let folder = TestFolder::sqlite();
    folder.open().await.close().await.unwrap();
    fs::copy(folder.file("countersign.db"), folder.file("older")).unwrap();
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    fs::copy(folder.file("older"), folder.file("countersign.db")).unwrap();
    loses(&folder, NotReplayed::Older).await;
}

#[tokio::test]
async fn live_database_with_another_history_from_the_same_start_is_not_replayed() {
    let folder = TestFolder::sqlite();
    folder.open().await.close().await.unwrap();
    fs::copy(folder.file("countersign.db"), folder.file("start")).unwrap();
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    fs::copy(folder.file("start"), folder.file("countersign.db")).unwrap();
    let store = folder.open().await;
    store.signing_keys("default", None).await.unwrap();
    for name in ["a", "b", "c", "d"] {
        store.create_key(&operator(), new_key(name)).await.unwrap();
    }
    store.close().await.unwrap();
    loses(&folder, NotReplayed::Tampered).await;
}

#[tokio::test]
async fn unreadable_live_database_is_not_replayed_and_kept() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store.close().await.unwrap();
    let garbage = "x".repeat(8192);
    fs::write(folder.file("countersign.db"), &garbage).unwrap();
    loses(&folder, NotReplayed::Unreadable).await;
    let previous = "countersign.db.before-restore-1800000000000";
    assert_eq!(fs::read_to_string(folder.file(previous)).unwrap(), garbage);
    assert_eq!(status(&folder, id).await, Status::Suspended);
}

#[tokio::test]
async fn log_of_a_deleted_database_is_not_applied_to_the_restored_one() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store.change(&operator(), id, REVOKE).await.unwrap();
    store
        .create_key(&operator(), new_key("later"))
        .await
        .unwrap();
    let log = fs::read(folder.file("countersign.db-wal")).unwrap();
    assert!(!log.is_empty());
    store.close().await.unwrap();
    lose(&folder);
    fs::write(folder.file("countersign.db-wal"), &log).unwrap();
    restore(&folder).await.unwrap();
    assert_eq!(folder.count("SELECT count(*) FROM credentials").await, 1);
    assert_eq!(status(&folder, id).await, Status::Suspended);
    let previous = "countersign.db.before-restore-1800000000000-wal";
    assert_eq!(fs::read(folder.file(previous)).unwrap(), log);
}

#[tokio::test]
async fn previous_database_is_never_overwritten_by_the_next_restore() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    for _ in 0..2 {
        restore(&folder).await.unwrap();
    }
    let previous = files(&folder);
    let previous = previous
        .iter()
        .filter(|name| name.contains("before-restore"));
    assert_eq!(previous.count(), 2);
}

#[tokio::test]
async fn live_database_under_another_master_key_is_not_replayed() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    let old = fs::read(folder.file("countersign.key")).unwrap();
    store.rotate_master_key(&operator()).await.unwrap();
    store.close().await.unwrap();
    fs::write(folder.file("countersign.key"), old).unwrap();
    loses(&folder, NotReplayed::Unreadable).await;
}
