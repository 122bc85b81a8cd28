//! Denials: how long they are stored, and views that contain nothing else.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Directory as _, StaleView};
use countersign::registry::{Change, DeniedToken, Registry as _, RegistryError};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, ViewContents};

use crate::support::{BootClockFrom, ManualBootClock, REVOKE, TestFolder, new_key, operator};

const DAY: Duration = Duration::from_secs(24 * 3600);
const ISSUER: &str = "https://auth.example";

async fn holding(folder: &TestFolder, holds: ViewContents, clock: &FixedClock) -> Store {
    let mut options = folder.options();
    options.contents = holds;
    options.clock = Arc::new(clock.clone());
    options.boot_clock = Arc::new(BootClockFrom(clock.clone()));
    Store::open(options).await.unwrap()
}

fn clock() -> FixedClock {
    FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000))
}

fn denied(token: Id, account: Id, clock: &FixedClock) -> DeniedToken {
    DeniedToken {
        issuer: ISSUER.to_owned(),
        token,
        account,
        expires_at: clock.now().plus(Duration::from_secs(3600)),
    }
}

#[tokio::test]
async fn tokens_of_deleted_credentials_are_denied_at_once_and_after_reopening() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let id = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    store.change(&operator(), id, REVOKE).await.unwrap();
    store.change(&operator(), id, Change::Delete).await.unwrap();
    let view = store.directory();
    assert!(view.credential(&id).is_none());
    assert_eq!(view.lowest_generation(&id), Some(2));
    let shown = store.show(&operator(), id).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
    store.close().await.unwrap();
    let view = folder.open().await.directory();
    assert!(view.credential(&id).is_none());
    assert_eq!(view.lowest_generation(&id), Some(2));
}

#[tokio::test]
async fn deletion_by_another_process_is_seen_together_with_its_denial() {
    let folder = TestFolder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    let id = here
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    there.catch_up().await.unwrap();
    here.change(&operator(), id, REVOKE).await.unwrap();
    here.change(&operator(), id, Change::Delete).await.unwrap();
    there.catch_up().await.unwrap();
    assert!(there.directory().credential(&id).is_none());
    assert_eq!(there.directory().lowest_generation(&id), Some(2));
}

#[tokio::test]
async fn single_token_is_denied_at_once_elsewhere_after_one_poll_and_after_reopening() {
    let folder = TestFolder::new();
    let clock = clock();
    let here = holding(&folder, ViewContents::Everything, &clock).await;
    let there = holding(&folder, ViewContents::Denials, &clock).await;
    let account = here
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .account_id;
    let (token, other) = (Id::from_bytes([1; 20]), Id::from_bytes([2; 20]));
    let deny = denied(token, account, &clock);
    here.deny_token(&operator(), deny).await.unwrap();
    there.catch_up().await.unwrap();
    let later = holding(&folder, ViewContents::Denials, &clock).await;
    for store in [here, there, later] {
        let view = store.directory();
        assert!(view.is_denied(ISSUER, &token));
        assert!(!view.is_denied(ISSUER, &other));
        assert!(!view.is_denied("https://other.example", &token));
    }
}

#[tokio::test]
async fn process_with_denials_only_knows_no_key_and_rejects_revoked_credentials() {
    let folder = TestFolder::new();
    let clock = clock();
    let registry = holding(&folder, ViewContents::Everything, &clock).await;
    let good = registry
        .create_key(&operator(), new_key("good"))
        .await
        .unwrap()
        .record;
    let bad = registry
        .create_key(&operator(), new_key("bad"))
        .await
        .unwrap()
        .record;
    let before = holding(&folder, ViewContents::Denials, &clock).await;
    registry
        .change(&operator(), bad.id, Change::Suspend)
        .await
        .unwrap();
    before.catch_up().await.unwrap();
    let after = holding(&folder, ViewContents::Denials, &clock).await;
    for store in [before, after] {
        let view = store.directory();
        assert!(view.credential(&good.id).is_none());
        assert!(view.credential(&bad.id).is_none());
        assert_eq!(view.lowest_generation(&good.id), None);
        assert_eq!(view.lowest_generation(&bad.id), Some(2));
        assert_ne!(view.check_freshness(), Err(StaleView));
    }
}

#[tokio::test]
async fn tokens_of_a_revoked_account_are_denied_in_a_process_with_denials_only() {
    let folder = TestFolder::new();
    let clock = clock();
    let registry = holding(&folder, ViewContents::Everything, &clock).await;
    let verifier = holding(&folder, ViewContents::Denials, &clock).await;
    let account = registry
        .create_account(&operator(), "b".to_owned())
        .await
        .unwrap();
    registry
        .revoke_account(&operator(), account.id)
        .await
        .unwrap();
    verifier.catch_up().await.unwrap();
    assert_eq!(verifier.directory().lowest_generation(&account.id), Some(2));
}

#[tokio::test]
async fn denials_are_deleted_two_days_after_the_last_token_has_expired_and_not_before() {
    let folder = TestFolder::new();
    let clock = clock();
    let store = holding(&folder, ViewContents::Everything, &clock).await;
    let created = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record;
    store.change(&operator(), created.id, REVOKE).await.unwrap();
    store
        .change(&operator(), created.id, Change::Delete)
        .await
        .unwrap();
    // A token may live for a day from here, and clocks may differ by another two.
    clock.advance(DAY * 3);
    store.maintain().await.unwrap();
    let view = store.directory();
    assert_eq!(view.lowest_generation(&created.id), Some(2));
    clock.advance(Duration::from_millis(1));
    store.maintain().await.unwrap();
    assert_eq!(view.lowest_generation(&created.id), None);
    let later = holding(&folder, ViewContents::Everything, &clock).await;
    assert_eq!(later.directory().lowest_generation(&created.id), None);
}

/// Creates, revokes and deletes a key, so that only its denial is left.
async fn buried(store: &Store) -> Id {
    let id = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    store.change(&operator(), id, REVOKE).await.unwrap();
    store.change(&operator(), id, Change::Delete).await.unwrap();
    id
}

#[tokio::test]
async fn command_with_a_clock_that_is_ahead_deletes_no_denial() {
    let folder = TestFolder::new();
    let clock = clock();
    let store = holding(&folder, ViewContents::Everything, &clock).await;
    let id = buried(&store).await;
    store.close().await.unwrap();
    let denials = || folder.count("SELECT count(*) FROM denials");
    assert_eq!(denials().await, 1);
    let ahead = FixedClock::at(clock.now().plus(DAY * 4));
    let command = holding(&folder, ViewContents::Everything, &ahead).await;
    command.close().await.unwrap();
    assert_eq!(denials().await, 1);
    let store = holding(&folder, ViewContents::Everything, &clock).await;
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
}

#[tokio::test]
async fn clock_set_forward_while_the_store_is_open_deletes_no_denial() {
    let folder = TestFolder::new();
    let (clock, boot_clock) = (clock(), ManualBootClock::default());
    let mut options = folder.options();
    options.clock = Arc::new(clock.clone());
    options.boot_clock = Arc::new(boot_clock.clone());
    let store = Store::open(options).await.unwrap();
    let id = buried(&store).await;
    let denials = || folder.count("SELECT count(*) FROM denials");
    clock.advance(DAY * 4);
    for _ in 0..2 {
        store.maintain().await.unwrap();
        assert_eq!(denials().await, 1);
        assert_eq!(store.directory().lowest_generation(&id), Some(2));
        boot_clock.advance(Duration::from_secs(3600));
    }
    // Until that much time has really passed.
    boot_clock.advance(DAY * 2);
    store.maintain().await.unwrap();
    assert_eq!(denials().await, 0);
    assert_eq!(store.directory().lowest_generation(&id), None);
}

#[tokio::test]
async fn denials_are_stored_for_the_largest_lifetime_that_was_ever_allowed() {
    let folder = TestFolder::new();
    let clock = clock();
    let store = holding(&folder, ViewContents::Everything, &clock).await;
    store.allow_lifetime(DAY * 30).await.unwrap();
    store.allow_lifetime(DAY).await.unwrap();
    let created = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record;
    store.change(&operator(), created.id, REVOKE).await.unwrap();
    store
        .change(&operator(), created.id, Change::Delete)
        .await
        .unwrap();
    clock.advance(DAY * 31);
    store.maintain().await.unwrap();
    assert_eq!(store.directory().lowest_generation(&created.id), Some(2));
}

#[tokio::test]
async fn missing_changes_are_replaced_by_reading_all_records() {
    let folder = TestFolder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    let kept = here
        .create_key(&operator(), new_key("kept"))
        .await
        .unwrap()
        .record
        .id;
    let gone = here
        .create_key(&operator(), new_key("gone"))
        .await
        .unwrap()
        .record
        .id;
    there.catch_up().await.unwrap();
    here.change(&operator(), gone, REVOKE).await.unwrap();
    here.change(&operator(), gone, Change::Delete)
        .await
        .unwrap();
    here.change(&operator(), kept, Change::Suspend)
        .await
        .unwrap();
    // As if the log had been trimmed here, after a hundred thousand changes.
    folder
        .execute("DELETE FROM changes; UPDATE state SET oldest_change = 6")
        .await;
    there.catch_up().await.unwrap();
    let view = there.directory();
    assert_eq!(view.credential(&kept).unwrap().generation, 2);
    assert!(view.credential(&gone).is_none());
    assert_eq!(view.lowest_generation(&gone), Some(2));
}

#[tokio::test]
async fn change_log_retains_its_last_hundred_thousand_changes_and_stays_dense() {
    let folder = TestFolder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    let id = here
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    // Many changes at once.
    folder
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100009)
             INSERT INTO changes SELECT i, 'credential', entity FROM n, changes WHERE number = 1;
             UPDATE change_head SET number = 100009",
        )
        .await;
    here.maintain().await.unwrap();
    let count = folder.count("SELECT count(*) FROM changes").await;
    let first = folder.count("SELECT min(number) FROM changes").await;
    let oldest = folder.count("SELECT oldest_change FROM state").await;
    assert_eq!((count, first, oldest), (100_000, 10, 10));
    // A process that has read the ninth change continues; one that has read less reads all records.
    there
        .change(&operator(), id, Change::Suspend)
        .await
        .unwrap();
    for store in [here, there] {
        store.catch_up().await.unwrap();
        assert_eq!(store.directory().lowest_generation(&id), Some(2));
    }
}

#[tokio::test]
async fn denial_takes_precedence_over_the_record_of_an_older_backup() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let id = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    store
        .change(&operator(), id, Change::Suspend)
        .await
        .unwrap();
    // As if only this record came from a backup.
    folder
        .execute(
            "UPDATE credentials SET status = 'active', generation = 1;
             UPDATE state SET epoch = account_id",
        )
        .await;
    store.catch_up().await.unwrap();
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
}

#[tokio::test]
async fn records_of_another_history_are_all_read() {
    let folder = TestFolder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    let id = here
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    there.catch_up().await.unwrap();
    // As after a restore: other records, another epoch, and the same numbers.
    folder
        .execute(
            "UPDATE credentials SET status = 'suspended', generation = 9;
             UPDATE state SET epoch = account_id",
        )
        .await;
    there.catch_up().await.unwrap();
    assert_eq!(there.directory().credential(&id).unwrap().generation, 9);
}
