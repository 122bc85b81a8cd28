//! Copies of a database in use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign::registry::Registry as _;
use countersign_store::StoreError;

use crate::support::{Place, key, me};

#[tokio::test]
async fn backup_is_whole_private_and_says_what_is_in_it() {
    let place = Place::new();
    let (store, other) = (place.open().await, place.open().await);
    for name in ["a", "b"] {
        store.create_key(&me(), key(name)).await.unwrap();
    }
    let file = place.file("b.db");
    let made = store.backup(&me(), &file).await.unwrap();
    // What comes later is not in it, and comes all the same.
    other.create_key(&me(), key("c")).await.unwrap();
    assert_eq!((made.change, made.records, &made.file), (2, 2, &file));
    assert_eq!(made.taken_at.unix_seconds(), 1_800_000_000);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for left in ["b.db.part", "b.db-wal", "b.db-shm", "b.db-journal"] {
        assert!(!place.file(left).exists(), "{left}");
    }

    let mut copy = place.intrude_into("b.db").await;
    let told: Vec<String> = sqlx::query_scalar("SELECT action FROM audit ORDER BY number")
        .fetch_all(&mut copy)
        .await
        .unwrap();
    assert_eq!(told, ["key.create", "key.create", "backup.create"]);
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut copy)
        .await
        .unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn backup_never_writes_over_a_file() {
    let place = Place::new();
    let store = place.open().await;
    let file = place.file("notes");
    fs::write(&file, "mine").unwrap();
    let error = store.backup(&me(), &file).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let error = store.backup(&me(), &place.file("countersign.db")).await;
    assert!(matches!(error, Err(StoreError::Exists { .. })));
    assert!(store.list_audit(&me(), None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn backup_that_fails_leaves_no_file_behind() {
    let place = Place::new();
    let store = place.open().await;
    let error = store.backup(&me(), &place.file("no/such/b.db")).await;
    assert!(matches!(error, Err(StoreError::File { .. })));
    // A record that refers to nothing is found by looking through the copy.
    place
        .execute(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO environments VALUES (zeroblob(20), zeroblob(20), 'lost', 'sandbox', 0)",
        )
        .await;
    let error = store.backup(&me(), &place.file("b.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(!place.file("b.db").exists() && !place.file("b.db.part").exists());
}

#[tokio::test]
async fn backup_takes_the_place_of_what_a_killed_one_left() {
    let place = Place::new();
    let store = place.open().await;
    fs::write(place.file("b.db.part"), "half").unwrap();
    store.backup(&me(), &place.file("b.db")).await.unwrap();
    assert!(!place.file("b.db.part").exists());
}
