//! Where nobody knows what happened after the backup.

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
use crate::node::{HOUR, Node, clock};
use crate::support::{Place, REVOKE, key, me};

fn lose(place: &Place) {
    fs::rename(place.file("countersign.db"), place.file("aside")).unwrap();
}

#[tokio::test]
async fn key_revoked_after_the_backup_does_not_come_back() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.change(&me(), id, REVOKE).await.unwrap();
    store.close().await.unwrap();
    lose(&place);

    let restored = restore(&place).await.unwrap();
    assert_eq!(restored.replayed, Err(NotReplayed::Absent));
    assert_eq!((restored.suspended, restored.kept), (1, None));
    let store = place.open().await;
    let found = store.directory().credential(&id).unwrap();
    assert_eq!((found.status, found.generation), (Status::Suspended, 2));
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
    // Somebody who knows that it was not revoked may say so.
    store.change(&me(), id, Change::Activate).await.unwrap();
    assert_eq!(status(&place, id).await, Status::Active);
}

#[tokio::test]
async fn key_that_was_not_active_stays_what_it_was() {
    let place = Place::new();
    let store = place.open().await;
    let mut ids = Vec::new();
    for (name, change) in [("suspended", Change::Suspend), ("revoked", REVOKE)] {
        let id = store.create_key(&me(), key(name)).await.unwrap().record.id;
        store.change(&me(), id, change).await.unwrap();
        ids.push(id);
    }
    store.backup(&me(), &place.file("b.db")).await.unwrap();
    store.close().await.unwrap();
    lose(&place);
    assert_eq!(restore(&place).await.unwrap().suspended, 0);
    assert_eq!(status(&place, ids[0]).await, Status::Suspended);
    assert_eq!(status(&place, ids[1]).await, Status::Revoked);
}

#[tokio::test]
async fn signing_keys_are_replaced_by_others_of_their_kind_whether_the_loss_is_accepted_or_not() {
    for accepted in [false, true] {
        let place = Place::new();
        let store = place.open().await;
        let algorithm = Some(Algorithm::Es256);
        store.signing_keys("default", algorithm).await.unwrap();
        let lead = std::time::Duration::from_secs(60);
        store
            .rotate_signing_key(&me(), "default", None, lead)
            .await
            .unwrap();
        store.backup(&me(), &place.file("b.db")).await.unwrap();
        store.close().await.unwrap();
        lose(&place);
        if accepted {
            accept_loss(&place, NOW).await.unwrap();
        } else {
            restore(&place).await.unwrap();
        }
        let store = place.open().await;
        let keys = store.list_signing_keys("default").await.unwrap();
        let with = |state| keys.iter().filter(move |key| key.state == state);
        assert_eq!((keys.len(), with(KeyState::Revoked).count()), (3, 2));
        let active = with(KeyState::Active).next().unwrap();
        assert_eq!(active.algorithm, Algorithm::Es256);
        let sealed = "SELECT count(*) FROM signing_keys WHERE sealed IS NOT NULL";
        assert_eq!(place.count(sealed).await, 1);
    }
}

#[tokio::test]
async fn sessions_and_answers_of_the_backup_are_forgotten_whether_the_loss_is_accepted_or_not() {
    for accepted in [false, true] {
        let (place, clock) = (Place::new(), clock());
        let node = Node::open(&place, &clock).await;
        let key = node.create_key("ci").await;
        let token = node.log_in(&key, None).await.unwrap();
        let once = IdempotencyKey::new("k", key.record.id, [1; 32], &|_| {
            Ok(Secret::from("done".to_owned()))
        });
        let new = NewToken::new("calls:read".parse().unwrap(), NOW.plus(HOUR));
        let made = node.store.create_token(&me(), new, Some(once)).await;
        let IdempotentOutcome::New(made) = made.unwrap() else {
            panic!("it was made now");
        };
        node.store.backup(&me(), &place.file("b.db")).await.unwrap();
        node.store.close().await.unwrap();
        lose(&place);
        let (restored, status) = if accepted {
            (accept_loss(&place, NOW).await, Status::Active)
        } else {
            (restore(&place).await, Status::Suspended)
        };
        assert_eq!(restored.unwrap().suspended, if accepted { 0 } else { 2 });
        for left in [
            "SELECT count(*) FROM sessions",
            "SELECT count(*) FROM answers",
        ] {
            assert_eq!(place.count(left).await, 0, "{left}");
        }
        // A managed token has no generation that could be bumped: it is what its record says.
        let store = place.open().await;
        let shown = store.show_token(&me(), made.id).await.unwrap();
        assert_eq!((shown.status, shown.generation), (status, 1));
        assert_eq!(store.directory().lowest_generation(&made.id), Some(1));
        let node = Node::open(&place, &clock).await;
        assert_eq!(node.judge(&token).unwrap_err(), Reason::KeyUnknown);
    }
}

#[tokio::test]
async fn loss_that_is_accepted_leaves_every_key_as_it_was_in_the_backup() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.change(&me(), id, REVOKE).await.unwrap();
    store.close().await.unwrap();
    lose(&place);
    let restored = accept_loss(&place, NOW).await.unwrap();
    assert_eq!(restored.replayed, Err(NotReplayed::Absent));
    assert_eq!(restored.suspended, 0);
    let shown = show(&place, id).await;
    assert_eq!((shown.status, shown.generation), (Status::Active, 1));
    let told = &place.open().await.list_audit(&me(), None, 1).await.unwrap()[0];
    assert_eq!(told.action, "restore");
    assert_eq!(told.detail["accepted_since"], NOW.unix_millis());
}

#[tokio::test]
async fn loss_is_accepted_after_everything_was_suspended() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.close().await.unwrap();
    lose(&place);
    restore(&place).await.unwrap();
    assert_eq!(status(&place, id).await, Status::Suspended);
    let restored = accept_loss(&place, NOW).await.unwrap();
    assert_eq!(restored.replayed, Err(NotReplayed::OtherHistory));
    assert_eq!(status(&place, id).await, Status::Active);
}

#[tokio::test]
async fn loss_that_began_before_what_is_accepted_is_refused_and_nothing_happens() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    store.close().await.unwrap();
    lose(&place);
    let before = files(&place);
    let later = Timestamp::from_unix_millis(NOW.unix_millis() + 1);
    let error = accept_loss(&place, later).await.unwrap_err();
    assert!(matches!(error, StoreError::LostSince { at } if at == NOW));
    assert_eq!(files(&place), before);
    let earlier = Timestamp::from_unix_millis(NOW.unix_millis() - 1);
    accept_loss(&place, earlier).await.unwrap();
}

#[tokio::test]
async fn audit_verifies_after_a_loss_and_a_checkpoint_of_the_lost_time_tells() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.change(&me(), id, REVOKE).await.unwrap();
    store.rotate_pepper(&me()).await.unwrap();
    let Verified::Intact { checkpoint, .. } = store.verify_audit(None).await.unwrap() else {
        panic!("intact");
    };
    store.close().await.unwrap();
    lose(&place);
    restore(&place).await.unwrap();
    let store = place.open().await;
    assert_eq!(records(store.verify_audit(None).await.unwrap()), 3);
    for _ in 0..3 {
        let lost = store.verify_audit(Some(&checkpoint)).await.unwrap();
        assert!(matches!(lost, Verified::Broken { .. }), "{lost:?}");
        // It is found out also when the log is longer than it ever was.
        store.create_key(&me(), key("new")).await.unwrap();
    }
}

/// What is done to the database in place after the backup, and what comes of it.
async fn loses(place: &Place, why: NotReplayed) {
    let restored = restore(place).await.unwrap();
    assert_eq!(restored.replayed, Err(why));
    assert!(restored.suspended > 0);
    assert!(restored.kept.unwrap().exists());
    place.open().await.check().await.unwrap();
}

#[tokio::test]
async fn database_in_place_that_has_forgotten_what_came_next_is_of_no_help() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    for name in ["a", "b"] {
        store.create_key(&me(), key(name)).await.unwrap();
    }
    store.close().await.unwrap();
    place
        .execute(
            "UPDATE state SET oldest_change = (SELECT number FROM change_head);
             DELETE FROM changes WHERE number < (SELECT oldest_change FROM state)",
        )
        .await;
    loses(&place, NotReplayed::Forgotten).await;
}

#[tokio::test]
async fn database_in_place_that_is_older_than_the_backup_is_of_no_help() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    fs::copy(place.file("countersign.db"), place.file("older")).unwrap();
    let (store, _) = backed_up(&place).await;
    store.close().await.unwrap();
    fs::copy(place.file("older"), place.file("countersign.db")).unwrap();
    loses(&place, NotReplayed::Older).await;
}

#[tokio::test]
async fn database_in_place_that_went_another_way_from_the_same_start_is_of_no_help() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    fs::copy(place.file("countersign.db"), place.file("start")).unwrap();
    let (store, _) = backed_up(&place).await;
    store.close().await.unwrap();
    fs::copy(place.file("start"), place.file("countersign.db")).unwrap();
    let store = place.open().await;
    store.signing_keys("default", None).await.unwrap();
    for name in ["a", "b", "c", "d"] {
        store.create_key(&me(), key(name)).await.unwrap();
    }
    store.close().await.unwrap();
    loses(&place, NotReplayed::Tampered).await;
}

#[tokio::test]
async fn database_in_place_that_cannot_be_read_is_of_no_help_and_kept() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.close().await.unwrap();
    let garbage = "x".repeat(8192);
    fs::write(place.file("countersign.db"), &garbage).unwrap();
    loses(&place, NotReplayed::Unreadable).await;
    let kept = "countersign.db.before-restore-1800000000000";
    assert_eq!(fs::read_to_string(place.file(kept)).unwrap(), garbage);
    assert_eq!(status(&place, id).await, Status::Suspended);
}

#[tokio::test]
async fn log_of_a_database_that_is_gone_is_not_taken_for_the_restored_one_s() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.change(&me(), id, REVOKE).await.unwrap();
    store.create_key(&me(), key("later")).await.unwrap();
    let log = fs::read(place.file("countersign.db-wal")).unwrap();
    assert!(!log.is_empty());
    store.close().await.unwrap();
    lose(&place);
    fs::write(place.file("countersign.db-wal"), &log).unwrap();
    restore(&place).await.unwrap();
    assert_eq!(place.count("SELECT count(*) FROM credentials").await, 1);
    assert_eq!(status(&place, id).await, Status::Suspended);
    let kept = "countersign.db.before-restore-1800000000000-wal";
    assert_eq!(fs::read(place.file(kept)).unwrap(), log);
}

#[tokio::test]
async fn what_was_in_place_is_never_written_over_by_the_next_restore() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    store.close().await.unwrap();
    for _ in 0..2 {
        restore(&place).await.unwrap();
    }
    let kept = files(&place);
    let kept = kept.iter().filter(|name| name.contains("before-restore"));
    assert_eq!(kept.count(), 2);
}

#[tokio::test]
async fn database_in_place_under_another_master_key_is_of_no_help() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    let old = fs::read(place.file("countersign.key")).unwrap();
    store.rotate_master_key(&me()).await.unwrap();
    store.close().await.unwrap();
    fs::write(place.file("countersign.key"), old).unwrap();
    loses(&place, NotReplayed::Unreadable).await;
}
