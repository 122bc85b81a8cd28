//! Maintenance, and the audit records of changes.

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::EnvironmentKind;
use countersign::registry::{
    Caller, Change, NewEnvironment, Page, Registry as _, RegistryError, Rotation,
};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, Verified};

use crate::support::{REVOKE, TestFolder, new_key, new_user, operator};

async fn open(folder: &TestFolder) -> (Store, FixedClock) {
    let clock = FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let mut options = folder.options();
    options.clock = Arc::new(clock.clone());
    (Store::open(options).await.unwrap(), clock)
}

#[tokio::test]
async fn last_use_is_stored_at_the_next_maintenance_and_never_goes_back() {
    let folder = TestFolder::new();
    let (store, clock) = open(&folder).await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let authenticator = Authenticator::builder()
        .primary(store.api_keys())
        .clock(clock.clone())
        .build()
        .unwrap();
    let use_it = || {
        authenticator.authenticate(
            Credentials::key(created.issued.key.clone()),
            &RequestHead::empty(),
        )
    };
    let last = || async {
        store
            .show(&operator(), created.record.id)
            .await
            .unwrap()
            .last_used_at
    };
    clock.advance(Duration::from_secs(5));
    let fifth = clock.now();
    use_it().await.unwrap();
    assert_eq!(last().await, None);
    store.maintain().await.unwrap();
    assert_eq!(last().await, Some(fifth));

    // Another process with a clock that is behind.
    folder
        .execute("UPDATE credentials SET last_used_at = last_used_at + 60000")
        .await;
    clock.advance(Duration::from_secs(1));
    use_it().await.unwrap();
    store.maintain().await.unwrap();
    assert_eq!(last().await, Some(fifth.plus(Duration::from_secs(60))));
}

#[tokio::test]
async fn last_use_that_could_not_be_stored_is_stored_the_next_time() {
    let folder = TestFolder::sqlite();
    let (store, clock) = open(&folder).await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let authenticator = Authenticator::builder()
        .primary(store.api_keys())
        .clock(clock.clone())
        .build()
        .unwrap();
    let authenticated = authenticator.authenticate(
        Credentials::key(created.issued.key.clone()),
        &RequestHead::empty(),
    );
    authenticated.await.unwrap();
    folder
        .execute(
            "CREATE TRIGGER full BEFORE UPDATE ON credentials
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
        )
        .await;
    assert!(store.maintain().await.is_err());
    folder.execute("DROP TRIGGER full").await;
    store.maintain().await.unwrap();
    let shown = store.show(&operator(), created.record.id).await.unwrap();
    assert_eq!(shown.last_used_at, Some(clock.now()));
}

#[tokio::test]
async fn each_change_is_recorded_in_the_audit_log_with_its_actor_and_request() {
    let folder = TestFolder::new();
    let (store, _clock) = open(&folder).await;
    let caller = Caller::operator("ada").with_request_id("r-1");
    let id = store
        .create_key(&caller, new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    let scopes = Change::Scopes("calls:read".parse().unwrap());
    let reason = Some("lost".to_owned());
    for change in [Change::Suspend, Change::Suspend, Change::Activate, scopes] {
        store.change(&caller, id, change).await.unwrap();
    }
    store
        .rotate(&caller, id, Rotation::Compromised)
        .await
        .unwrap();
    store
        .change(&caller, id, Change::Revoke { reason })
        .await
        .unwrap();
    store.change(&caller, id, Change::Delete).await.unwrap();
    let record = store.list_audit(&operator(), None, 100).await.unwrap();
    let actions: Vec<_> = record
        .iter()
        .rev()
        .map(|record| record.action.as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "key.create",
            // The second suspension changed nothing.
            "key.suspend",
            "key.activate",
            "key.scopes",
            "key.rotate",
            "key.revoke",
            "key.delete"
        ]
    );
    for record in &record {
        assert_eq!(record.actor, "ada");
        assert_eq!(record.request_id.as_deref(), Some("r-1"));
        assert_eq!(record.entity, Some(id));
    }
    let verified = store.verify_audit(None).await.unwrap();
    assert!(matches!(verified, Verified::Intact { records: 7, .. }));
}

#[tokio::test]
async fn change_that_cannot_be_recorded_in_the_audit_log_is_not_made() {
    let folder = TestFolder::sqlite();
    let (store, _clock) = open(&folder).await;
    let id = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    folder
        .execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
        )
        .await;
    let revoked = store.change(&operator(), id, REVOKE).await;
    assert!(matches!(revoked, Err(RegistryError::Unavailable(_))));
    assert_eq!(store.show(&operator(), id).await.unwrap().generation, 1);
    folder.execute("DROP TRIGGER full").await;
    assert_eq!(
        store
            .change(&operator(), id, REVOKE)
            .await
            .unwrap()
            .generation,
        2
    );
}

#[tokio::test]
async fn records_of_one_account_are_invisible_to_another() {
    let folder = TestFolder::new();
    let (store, _clock) = open(&folder).await;
    let own = store
        .create_account(&operator(), "own".to_owned())
        .await
        .unwrap();
    let other = store
        .create_account(&operator(), "other".to_owned())
        .await
        .unwrap();
    let we = Caller::operator("we").within_account(own.id);
    let they = Caller::operator("they").within_account(other.id);
    let created = store.create_key(&we, new_key("ci")).await.unwrap().record;
    let aladdin = store.create_user(&we, new_user("aladdin")).await.unwrap();
    assert_eq!((created.account_id, aladdin.account_id), (own.id, own.id));
    let environment = NewEnvironment::new("test", EnvironmentKind::Sandbox);
    store
        .create_environment(&we, environment.clone())
        .await
        .unwrap();

    let absent =
        |error: RegistryError| assert!(matches!(error, RegistryError::NotFound), "{error}");
    for id in [created.id, aladdin.id] {
        absent(store.show(&they, id).await.unwrap_err());
        absent(store.change(&they, id, Change::Suspend).await.unwrap_err());
        absent(
            store
                .rotate(&they, id, Rotation::Compromised)
                .await
                .unwrap_err(),
        );
    }
    let name = "aladdin".parse().unwrap();
    absent(store.find_user(&they, name).await.unwrap_err());
    absent(store.show_account(&they, own.id).await.unwrap_err());
    absent(store.revoke_account(&they, own.id).await.unwrap_err());
    absent(
        store
            .create_account(&they, "new".to_owned())
            .await
            .unwrap_err(),
    );
    let into_ours = environment.account(own.id);
    absent(
        store
            .create_environment(&they, into_ours)
            .await
            .unwrap_err(),
    );
    let all = Page::all();
    for account in [None, Some(own.id)] {
        let listed = store.list_environments(&they, account, all).await.unwrap();
        assert!(listed.is_empty());
    }
    assert_eq!(store.list_accounts(&they, all).await.unwrap(), [other]);
    let records = store.list_audit(&they, None, 100).await.unwrap();
    assert!(
        records
            .iter()
            .all(|record| record.account_id != Some(own.id))
    );
}
