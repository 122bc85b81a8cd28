//! Backups of a database in use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign::registry::Registry as _;
use countersign_store::StoreError;

use crate::support::{TestFolder, new_key, operator};

#[tokio::test]
async fn backup_is_complete_private_and_described() {
    let folder = TestFolder::sqlite();
    let (store, other) = (folder.open().await, folder.open().await);
    for name in ["a", "b"] {
        store.create_key(&operator(), new_key(name)).await.unwrap();
    }
    let file = folder.file("b.db");
    let created = store.backup(&operator(), &file).await.unwrap();
    // Later changes are not in it, and succeed.
    other.create_key(&operator(), new_key("c")).await.unwrap();
    assert_eq!(
        (created.change, created.records, &created.file),
        (2, 2, &file)
    );
    assert_eq!(created.taken_at.unix_seconds(), 1_800_000_000);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for left in ["b.db.part", "b.db-wal", "b.db-shm", "b.db-journal"] {
        assert!(!folder.file(left).exists(), "{left}");
    }

    let mut copy = folder.connect_to("b.db").await;
    let record: Vec<String> = sqlx::query_scalar("SELECT action FROM audit ORDER BY number")
        .fetch_all(&mut copy)
        .await
        .unwrap();
    assert_eq!(record, ["key.create", "key.create", "backup.create"]);
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut copy)
        .await
        .unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn backup_never_overwrites_a_file() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let file = folder.file("notes");
    fs::write(&file, "mine").unwrap();
    let error = store.backup(&operator(), &file).await.unwrap_err();
    assert!(matches!(error, StoreError::FileExists(_)), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let error = store
        .backup(&operator(), &folder.file("countersign.db"))
        .await;
    assert!(matches!(error, Err(StoreError::FileExists(_))));
    assert!(
        store
            .list_audit(&operator(), None, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn backup_that_fails_leaves_no_file_behind() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let error = store
        .backup(&operator(), &folder.file("no/such/b.db"))
        .await;
    assert!(matches!(error, Err(StoreError::File { .. })));
    // A dangling reference is found when the copy is checked.
    folder
        .execute(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO environments VALUES (zeroblob(20), zeroblob(20), 'lost', 'sandbox', 0)",
        )
        .await;
    let error = store
        .backup(&operator(), &folder.file("b.db"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    assert!(!folder.file("b.db").exists() && !folder.file("b.db.part").exists());
}

#[tokio::test]
async fn backup_replaces_the_file_of_an_interrupted_one() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    fs::write(folder.file("b.db.part"), "half").unwrap();
    store
        .backup(&operator(), &folder.file("b.db"))
        .await
        .unwrap();
    assert!(!folder.file("b.db.part").exists());
}
