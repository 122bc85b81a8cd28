//! Creating, listing and revoking.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{CredentialKind, Directory as _, Status, StoredSecret, UserName};
use countersign::registry::{CredentialFilter, Registry, RegistryError};
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign_store::Store;

use crate::support::{Place, REVOKE, key, me, user};

#[tokio::test]
async fn key_created_is_in_the_view_and_durable() {
    let place = Place::new();
    let store = place.open().await;
    let made = store.create_key(&me(), key("ci")).await.unwrap().record;
    let seen = store.directory().credential(&made.id).unwrap();
    assert_eq!((seen.status, seen.generation), (Status::Active, 1));
    store.close().await.unwrap();

    let store = place.open().await;
    let seen = store.directory().credential(&made.id).unwrap();
    assert_eq!(seen.scopes.as_str(), "calls:read wallet:*");
    assert_eq!(seen.account, made.account_id);
    assert_eq!(seen.account_generation, 1);
    assert_eq!(seen.environment, made.environment_id);
    assert!(seen.environment.is_some());
    let end = Timestamp::from_unix_millis(1_900_000_000_123);
    assert_eq!(seen.expires_at, Some(end));
    let shown = store.show(&me(), made.id).await.unwrap();
    assert_eq!(
        (shown.name.as_str(), shown.kind),
        ("ci", CredentialKind::Key)
    );
    assert_eq!(
        shown.created_at,
        Timestamp::from_unix_seconds(1_800_000_000)
    );
}

#[tokio::test]
async fn key_begins_with_cs_and_its_id() {
    let place = Place::new();
    let store = place.open().await;
    let made = store.create_key(&me(), key("ci")).await.unwrap();
    let start = format!("cs_{}_", made.record.id);
    assert!(made.issued.key.expose().starts_with(&start));
}

#[tokio::test]
async fn user_created_is_found_by_name_and_durable() {
    let place = Place::new();
    let store = place.open().await;
    let made = store.create_user(&me(), user("aladdin")).await.unwrap();
    let name: UserName = "Aladdin".parse().unwrap();
    assert_eq!(store.directory().user(&name).unwrap().id, made.id);
    store.close().await.unwrap();
    let store = place.open().await;
    let seen = store.directory().user(&name).unwrap();
    let StoredSecret::Password(hash) = seen.secret else {
        panic!("a user has a password");
    };
    assert_eq!(*hash, *user("aladdin").password_hash.expose());
}

#[tokio::test]
async fn user_name_is_taken_once_also_after_it_was_revoked() {
    let place = Place::new();
    let store = place.open().await;
    let made = store.create_user(&me(), user("aladdin")).await.unwrap();
    store.create_key(&me(), key("aladdin")).await.unwrap();
    let again = store.create_user(&me(), user("aladdin")).await;
    assert!(matches!(again, Err(RegistryError::NameTaken)));
    store.change(&me(), made.id, REVOKE).await.unwrap();
    let other_process = place.open().await;
    let again = other_process.create_user(&me(), user("aladdin")).await;
    assert!(matches!(again, Err(RegistryError::NameTaken)));
    store.create_user(&me(), user("jasmine")).await.unwrap();
}

#[tokio::test]
async fn revoke_bumps_the_generation_and_is_durable() {
    let place = Place::new();
    let store = place.open().await;
    let id = store.create_key(&me(), key("ci")).await.unwrap().record.id;
    let ended = store.change(&me(), id, REVOKE).await.unwrap();
    assert_eq!((ended.status, ended.generation), (Status::Revoked, 2));
    let seen = store.directory().credential(&id).unwrap();
    assert_eq!((seen.status, seen.generation), (Status::Revoked, 2));
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
    store.close().await.unwrap();
    let seen = place.open().await.directory().credential(&id).unwrap();
    assert_eq!((seen.status, seen.generation), (Status::Revoked, 2));
}

#[tokio::test]
async fn revoking_twice_succeeds_and_changes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let id = store.create_key(&me(), key("ci")).await.unwrap().record.id;
    store.change(&me(), id, REVOKE).await.unwrap();
    let before = change_numbers(&place).await;
    assert_eq!(store.change(&me(), id, REVOKE).await.unwrap().generation, 2);
    assert_eq!(change_numbers(&place).await, before);
}

#[tokio::test]
async fn credential_nobody_made_is_not_found() {
    let place = Place::new();
    let store = place.open().await;
    let nobody = Id::from_bytes([7; 20]);
    let shown = store.show(&me(), nobody).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
    let revoked = store.change(&me(), nobody, REVOKE).await;
    assert!(matches!(revoked, Err(RegistryError::NotFound)));
}

#[tokio::test]
async fn list_has_one_kind_oldest_first() {
    let place = Place::new();
    let clock = FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let mut options = place.options();
    options.clock = Arc::new(clock.clone());
    let store = Store::open(options).await.unwrap();
    for name in ["c", "a", "b"] {
        store.create_key(&me(), key(name)).await.unwrap();
        clock.advance(Duration::from_millis(1));
    }
    store.create_user(&me(), user("d")).await.unwrap();
    let names = |records: Vec<countersign::registry::Record>| {
        let names: Vec<String> = records.into_iter().map(|r| r.name).collect();
        names.join(" ")
    };
    let keys = store
        .list(&me(), CredentialFilter::of(CredentialKind::Key))
        .await
        .unwrap();
    assert_eq!(names(keys), "c a b");
    let users = store
        .list(&me(), CredentialFilter::of(CredentialKind::User))
        .await
        .unwrap();
    assert_eq!(names(users), "d");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_numbers_are_dense_under_concurrent_creates_of_two_processes() {
    let place = Place::new();
    let stores = [place.open().await, place.open().await];
    let tasks: Vec<_> = (0..24)
        .map(|i| {
            let store = stores[i % 2].clone();
            tokio::spawn(async move { store.create_key(&me(), key("ci")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let expected: Vec<i64> = (1..=24).collect();
    assert_eq!(change_numbers(&place).await, expected);
    for store in stores {
        store.catch_up().await.unwrap();
        let all = store
            .list(&me(), CredentialFilter::of(CredentialKind::Key))
            .await
            .unwrap();
        assert_eq!(all.len(), 24);
        for record in all {
            assert!(store.directory().credential(&record.id).is_some());
        }
    }
}

#[tokio::test]
async fn create_that_fails_leaves_neither_record_nor_number_and_the_next_one_works() {
    let place = Place::new();
    let store = place.open().await;
    // As SQLite does when the disk fails: the transaction is gone before anybody ends it.
    place
        .execute(
            "CREATE TRIGGER full BEFORE INSERT ON changes
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
        )
        .await;
    let error = store.create_key(&me(), key("ci")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable(_)));
    assert!(!store.has_credentials().await.unwrap());
    place.execute("DROP TRIGGER full").await;
    store.create_key(&me(), key("ci")).await.unwrap();
    assert_eq!(change_numbers(&place).await, [1]);
}

#[tokio::test]
async fn closed_store_answers_with_errors() {
    let place = Place::new();
    let store = place.open().await;
    store.close().await.unwrap();
    assert!(store.check().await.is_err());
    assert!(store.catch_up().await.is_err());
    let made = store.create_key(&me(), key("ci")).await;
    assert!(matches!(made, Err(RegistryError::Unavailable(_))));
}

async fn change_numbers(place: &Place) -> Vec<i64> {
    let mut connection = place.intrude().await;
    sqlx::query_scalar("SELECT number FROM changes ORDER BY number")
        .fetch_all(&mut connection)
        .await
        .unwrap()
}
