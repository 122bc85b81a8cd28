//! Restores that are rejected, and change nothing.

use std::fs;

use countersign::directory::Status;
use countersign::registry::Registry as _;
use countersign_store::StoreError;

use super::{backed_up, files, restore, status};
use crate::support::{REVOKE, TestFolder, new_key, operator};

#[tokio::test]
async fn restore_of_an_open_database_is_rejected() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    let before = files(&folder);
    let error = restore(&folder).await.unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    assert!(error.to_string().contains("stop the server first"));
    assert_eq!(files(&folder), before);
    // The open store is not affected.
    store.change(&operator(), id, REVOKE).await.unwrap();
    store.close().await.unwrap();
    restore(&folder).await.unwrap();
    assert_eq!(status(&folder, id).await, Status::Revoked);
}

/// Asserts that `b.db` is rejected and nothing has changed, and returns the error.
async fn restore_error(folder: &TestFolder) -> StoreError {
    let before = files(folder);
    let error = restore(folder).await.unwrap_err();
    assert_eq!(files(folder), before);
    let store = folder.open().await;
    assert!(store.has_credentials().await.unwrap());
    store.close().await.unwrap();
    error
}

#[tokio::test]
async fn file_that_is_not_an_undamaged_database_of_this_crate_is_rejected() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    let whole = fs::read(folder.file("b.db")).unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    for damaged in [Vec::new(), vec![b'x'; 8192], half] {
        fs::write(folder.file("b.db"), damaged).unwrap();
        let error = restore_error(&folder).await;
        assert!(matches!(error, StoreError::InvalidBackup { .. }), "{error}");
    }
    fs::remove_file(folder.file("b.db")).unwrap();
    let error = restore_error(&folder).await;
    assert!(matches!(error, StoreError::File { .. }), "{error}");
    let mut other = folder.connect_to_new("b.db").await;
    sqlx::raw_sql("CREATE TABLE recipes (name TEXT)")
        .execute(&mut other)
        .await
        .unwrap();
    let error = restore_error(&folder).await;
    assert!(error.to_string().contains("did not make it"), "{error}");
}

#[tokio::test]
async fn backup_of_a_newer_version_is_rejected() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    store.create_key(&operator(), new_key("ci")).await.unwrap();
    folder.execute("PRAGMA user_version = 9999").await;
    let file = folder.file("b.db");
    store.backup(&operator(), &file).await.unwrap();
    folder.execute("PRAGMA user_version = 1").await;
    store.close().await.unwrap();
    let error = restore_error(&folder).await;
    assert!(matches!(error, StoreError::NewerSchema(9999)));
}

#[tokio::test]
async fn backup_from_before_a_rotation_of_the_master_key_is_rejected() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    store.rotate_master_key(&operator()).await.unwrap();
    store.close().await.unwrap();
    let error = restore_error(&folder).await;
    assert!(matches!(error, StoreError::Unseal(_)), "{error}");
}

#[tokio::test]
async fn backup_that_was_changed_without_the_master_key_is_rejected() {
    for change in [
        "INSERT INTO issuers (id, name, created_at) VALUES (zeroblob(20), 'mine', 0)",
        "UPDATE credentials SET scopes = '*'",
        "CREATE TRIGGER undo AFTER INSERT ON denials BEGIN DELETE FROM denials; END",
        "CREATE VIEW extra AS SELECT * FROM credentials",
        "CREATE INDEX extra ON credentials (name)",
        "DROP TRIGGER audit_is_never_changed; UPDATE audit SET actor = 'unknown'",
        "PRAGMA user_version = 9999",
    ] {
        let folder = TestFolder::sqlite();
        let (store, _) = backed_up(&folder).await;
        store.close().await.unwrap();
        let whole = fs::read(folder.file("b.db")).unwrap();
        folder.execute_in("b.db", change).await;
        let changed = fs::read(folder.file("b.db")).unwrap();
        assert_ne!(whole, changed, "{change}");
        let error = restore_error(&folder).await;
        assert!(
            matches!(error, StoreError::InvalidBackup { .. }),
            "{change}: {error}"
        );
        // With the code of the genuine backup at its end.
        let code = &whole[whole.len() - 64..];
        let length = changed.len() - changed.len() % 4096;
        let forged = [&changed[..length], code].concat();
        fs::write(folder.file("b.db"), forged).unwrap();
        let error = restore_error(&folder).await;
        assert!(
            error.to_string().contains("was changed"),
            "{change}: {error}"
        );
    }
}

#[tokio::test]
async fn backup_with_any_byte_changed_or_cut_is_rejected() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    let whole = fs::read(folder.file("b.db")).unwrap();
    let length = whole.len();
    for before_end in [length, length - 100, length / 2, 70, 64, 40, 1] {
        let at = length - before_end;
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(folder.file("b.db"), changed).unwrap();
        assert!(restore(&folder).await.is_err(), "{at}");
        fs::write(folder.file("b.db"), &whole[..at]).unwrap();
        assert!(restore(&folder).await.is_err(), "{at}");
    }
    fs::write(folder.file("b.db"), whole).unwrap();
    restore(&folder).await.unwrap();
}

#[tokio::test]
async fn backup_of_a_database_with_a_trigger_of_an_attacker_is_rejected() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    fs::remove_file(folder.file("b.db")).unwrap();
    folder
        .execute("CREATE TRIGGER undo AFTER INSERT ON denials BEGIN DELETE FROM denials; END")
        .await;
    let file = folder.file("b.db");
    store.backup(&operator(), &file).await.unwrap();
    store.close().await.unwrap();
    let error = restore_error(&folder).await;
    assert!(error.to_string().contains("triggers"), "{error}");
}

#[tokio::test]
async fn backup_of_another_database_with_the_same_master_key_is_rejected() {
    let (folder, other) = (TestFolder::sqlite(), TestFolder::sqlite());
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    fs::copy(
        folder.file("countersign.key"),
        other.file("countersign.key"),
    )
    .unwrap();
    let (store, _) = backed_up(&other).await;
    store.close().await.unwrap();
    fs::copy(other.file("b.db"), folder.file("b.db")).unwrap();
    let error = restore_error(&folder).await;
    assert!(error.to_string().contains("another database"), "{error}");
}

#[tokio::test]
async fn live_database_of_another_application_is_left_alone() {
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    fs::remove_file(folder.file("countersign.db")).unwrap();
    let mut other = folder.connect_to_new("countersign.db").await;
    sqlx::raw_sql("CREATE TABLE recipes (name TEXT)")
        .execute(&mut other)
        .await
        .unwrap();
    let before = fs::read(folder.file("countersign.db")).unwrap();
    let error = restore(&folder).await.unwrap_err();
    assert!(matches!(error, StoreError::UnrelatedDatabase), "{error}");
    assert_eq!(fs::read(folder.file("countersign.db")).unwrap(), before);
}

#[tokio::test]
async fn restore_replaces_the_files_of_an_interrupted_one() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store
        .create_key(&operator(), new_key("later"))
        .await
        .unwrap();
    let log = fs::read(folder.file("countersign.db-wal")).unwrap();
    assert!(!log.is_empty());
    store.close().await.unwrap();
    fs::remove_file(folder.file("countersign.db")).unwrap();
    for left in ["", "-wal", "-shm", "-journal"] {
        // SQLite applies a log to the database beside it.
        fs::write(
            folder.file(&format!("countersign.db.restoring{left}")),
            &log,
        )
        .unwrap();
    }
    restore(&folder).await.unwrap();
    assert_eq!(status(&folder, id).await, Status::Suspended);
    assert_eq!(folder.count("SELECT count(*) FROM credentials").await, 1);
    assert!(!files(&folder).iter().any(|name| name.contains("restoring")));
}
