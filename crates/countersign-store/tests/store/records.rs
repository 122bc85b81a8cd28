//! Creating, listing and revoking credentials.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{CredentialKind, Directory as _, Status, UserName};
use countersign::registry::backend::StoredSecret;
use countersign::registry::{CredentialFilter, Registry, RegistryError};
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign_store::Store;

use crate::support::{REVOKE, TestFolder, new_key, new_user, operator};

#[tokio::test]
async fn created_key_is_in_the_view_and_durable() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let created = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record;
    let seen = store.directory().credential(&created.id).unwrap();
    assert_eq!((seen.status, seen.generation), (Status::Active, 1));
    store.close().await.unwrap();

    let store = folder.open().await;
    let seen = store.directory().credential(&created.id).unwrap();
    assert_eq!(seen.scopes.as_str(), "calls:read wallet:*");
    assert_eq!(seen.account, created.account_id);
    assert_eq!(seen.account_generation, 1);
    assert_eq!(seen.environment, created.environment_id);
    assert!(seen.environment.is_some());
    let end = Timestamp::from_unix_millis(1_900_000_000_123);
    assert_eq!(seen.expires_at, Some(end));
    let shown = store.show(&operator(), created.id).await.unwrap();
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
async fn key_begins_with_its_prefix_and_its_id() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let start = format!("cs_{}_", created.record.id);
    assert!(created.issued.key.expose().starts_with(&start));
}

#[tokio::test]
async fn created_user_is_found_by_name_and_durable() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let created = store
        .create_user(&operator(), new_user("aladdin"))
        .await
        .unwrap();
    let name: UserName = "Aladdin".parse().unwrap();
    assert_eq!(store.directory().user(&name).unwrap().id, created.id);
    store.close().await.unwrap();
    let store = folder.open().await;
    let seen = store.directory().user(&name).unwrap();
    let StoredSecret::Password(hash) = seen.secret else {
        panic!("a user has a password");
    };
    assert_eq!(*hash, *new_user("aladdin").password_hash.expose());
}

#[tokio::test]
async fn name_of_a_user_cannot_be_used_again_after_it_was_revoked() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let created = store
        .create_user(&operator(), new_user("aladdin"))
        .await
        .unwrap();
    store
        .create_key(&operator(), new_key("aladdin"))
        .await
        .unwrap();
    let again = store.create_user(&operator(), new_user("aladdin")).await;
    assert!(matches!(again, Err(RegistryError::NameTaken)));
    store.change(&operator(), created.id, REVOKE).await.unwrap();
    let other_process = folder.open().await;
    let again = other_process
        .create_user(&operator(), new_user("aladdin"))
        .await;
    assert!(matches!(again, Err(RegistryError::NameTaken)));
    store
        .create_user(&operator(), new_user("jasmine"))
        .await
        .unwrap();
}

#[tokio::test]
async fn revocation_raises_the_generation_and_is_durable() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let id = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    let ended = store.change(&operator(), id, REVOKE).await.unwrap();
    assert_eq!((ended.status, ended.generation), (Status::Revoked, 2));
    let seen = store.directory().credential(&id).unwrap();
    assert_eq!((seen.status, seen.generation), (Status::Revoked, 2));
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
    store.close().await.unwrap();
    let seen = folder.open().await.directory().credential(&id).unwrap();
    assert_eq!((seen.status, seen.generation), (Status::Revoked, 2));
}

#[tokio::test]
async fn revoking_twice_succeeds_and_changes_nothing() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let id = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    store.change(&operator(), id, REVOKE).await.unwrap();
    let before = change_numbers(&folder).await;
    assert_eq!(
        store
            .change(&operator(), id, REVOKE)
            .await
            .unwrap()
            .generation,
        2
    );
    assert_eq!(change_numbers(&folder).await, before);
}

#[tokio::test]
async fn credential_that_does_not_exist_is_not_found() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let unknown = Id::from_bytes([7; 20]);
    let shown = store.show(&operator(), unknown).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
    let revoked = store.change(&operator(), unknown, REVOKE).await;
    assert!(matches!(revoked, Err(RegistryError::NotFound)));
}

#[tokio::test]
async fn list_has_one_kind_oldest_first() {
    let folder = TestFolder::new();
    let clock = FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let mut options = folder.options();
    options.clock = Arc::new(clock.clone());
    let store = Store::open(options).await.unwrap();
    for name in ["c", "a", "b"] {
        store.create_key(&operator(), new_key(name)).await.unwrap();
        clock.advance(Duration::from_millis(1));
    }
    store.create_user(&operator(), new_user("d")).await.unwrap();
    let names = |records: Vec<countersign::registry::Record>| {
        let names: Vec<String> = records.into_iter().map(|r| r.name).collect();
        names.join(" ")
    };
    let keys = store
        .list(&operator(), CredentialFilter::of(CredentialKind::Key))
        .await
        .unwrap();
    assert_eq!(names(keys), "c a b");
    let users = store
        .list(&operator(), CredentialFilter::of(CredentialKind::User))
        .await
        .unwrap();
    assert_eq!(names(users), "d");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_numbers_are_dense_under_concurrent_creates_of_two_processes() {
    let folder = TestFolder::new();
    let stores = [folder.open().await, folder.open().await];
    let tasks: Vec<_> = (0..24)
        .map(|i| {
            let store = stores[i % 2].clone();
            tokio::spawn(async move { store.create_key(&operator(), new_key("ci")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let expected: Vec<i64> = (1..=24).collect();
    assert_eq!(change_numbers(&folder).await, expected);
    for store in stores {
        store.catch_up().await.unwrap();
        let all = store
            .list(&operator(), CredentialFilter::of(CredentialKind::Key))
            .await
            .unwrap();
        assert_eq!(all.len(), 24);
        for record in all {
            assert!(store.directory().credential(&record.id).is_some());
        }
    }
}

#[tokio::test]
async fn failed_creation_leaves_neither_record_nor_number_and_the_next_one_succeeds() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    // As SQLite does when the disk fails: it ends the transaction itself.
    folder
        .execute(
            "CREATE TRIGGER full BEFORE INSERT ON changes
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
        )
        .await;
    let error = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable(_)));
    assert!(!store.has_credentials().await.unwrap());
    folder.execute("DROP TRIGGER full").await;
    store.create_key(&operator(), new_key("ci")).await.unwrap();
    assert_eq!(change_numbers(&folder).await, [1]);
}

#[tokio::test]
async fn closed_store_returns_errors() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    store.close().await.unwrap();
    assert!(store.check().await.is_err());
    assert!(store.catch_up().await.is_err());
    let created = store.create_key(&operator(), new_key("ci")).await;
    assert!(matches!(created, Err(RegistryError::Unavailable(_))));
}

async fn change_numbers(folder: &TestFolder) -> Vec<i64> {
    folder
        .numbers("SELECT number FROM changes ORDER BY number")
        .await
}
