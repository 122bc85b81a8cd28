//! What is not restored, and leaves everything as it was.

use std::fs;

use countersign::directory::Status;
use countersign::registry::Registry as _;
use countersign_store::StoreError;

use super::{backed_up, files, restore, status};
use crate::support::{Place, REVOKE, key, me};

#[tokio::test]
async fn restore_under_an_open_database_is_refused() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    let before = files(&place);
    let error = restore(&place).await.unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("stop the server first"));
    assert_eq!(files(&place), before);
    // It goes on as if nothing had been.
    store.change(&me(), id, REVOKE).await.unwrap();
    store.close().await.unwrap();
    restore(&place).await.unwrap();
    assert_eq!(status(&place, id).await, Status::Revoked);
}

/// That `b.db` is refused, and nothing happened; the error.
async fn refused(place: &Place) -> StoreError {
    let before = files(place);
    let error = restore(place).await.unwrap_err();
    assert_eq!(files(place), before);
    let store = place.open().await;
    assert!(store.has_credentials().await.unwrap());
    store.close().await.unwrap();
    error
}

#[tokio::test]
async fn file_that_is_no_whole_database_of_ours_is_refused() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    store.close().await.unwrap();
    let whole = fs::read(place.file("b.db")).unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    for damaged in [Vec::new(), vec![b'x'; 8192], half] {
        fs::write(place.file("b.db"), damaged).unwrap();
        let error = refused(&place).await;
        assert!(matches!(error, StoreError::NotABackup { .. }), "{error}");
    }
    fs::remove_file(place.file("b.db")).unwrap();
    let error = refused(&place).await;
    assert!(matches!(error, StoreError::File { .. }), "{error}");
    let mut other = place.intrude_new("b.db").await;
    sqlx::raw_sql("CREATE TABLE recipes (name TEXT)")
        .execute(&mut other)
        .await
        .unwrap();
    let error = refused(&place).await;
    assert!(error.to_string().contains("something else"), "{error}");
}

#[tokio::test]
async fn backup_of_a_newer_version_is_refused() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    store.close().await.unwrap();
    place
        .execute_in(
            "b.db",
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', TRUE, x'00', 0)",
        )
        .await;
    let error = refused(&place).await;
    assert!(matches!(error, StoreError::NewerSchema { version: 9999 }));
}

#[tokio::test]
async fn backup_from_before_a_rotation_of_the_master_key_is_refused() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    store.rotate_master_key(&me()).await.unwrap();
    store.close().await.unwrap();
    let error = refused(&place).await;
    assert!(matches!(error, StoreError::Unseal { .. }), "{error}");
}

#[tokio::test]
async fn backup_whose_audit_log_was_changed_is_refused() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    store.close().await.unwrap();
    place
        .execute_in(
            "b.db",
            "DROP TRIGGER audit_is_never_changed; UPDATE audit SET actor = 'nobody'",
        )
        .await;
    let error = refused(&place).await;
    assert!(error.to_string().contains("audit log"), "{error}");
}

#[tokio::test]
async fn database_of_something_else_in_place_is_left_alone() {
    let place = Place::new();
    let (store, _) = backed_up(&place).await;
    store.close().await.unwrap();
    fs::remove_file(place.file("countersign.db")).unwrap();
    let mut other = place.intrude_new("countersign.db").await;
    sqlx::raw_sql("CREATE TABLE recipes (name TEXT)")
        .execute(&mut other)
        .await
        .unwrap();
    let before = fs::read(place.file("countersign.db")).unwrap();
    let error = restore(&place).await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign), "{error}");
    assert_eq!(fs::read(place.file("countersign.db")).unwrap(), before);
}

#[tokio::test]
async fn restore_takes_the_place_of_what_a_killed_one_left() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.create_key(&me(), key("later")).await.unwrap();
    let log = fs::read(place.file("countersign.db-wal")).unwrap();
    assert!(!log.is_empty());
    store.close().await.unwrap();
    fs::remove_file(place.file("countersign.db")).unwrap();
    for left in ["", "-wal", "-shm", "-journal"] {
        // A log is written into whatever database it lies beside.
        fs::write(place.file(&format!("countersign.db.restoring{left}")), &log).unwrap();
    }
    restore(&place).await.unwrap();
    assert_eq!(status(&place, id).await, Status::Suspended);
    assert_eq!(place.count("SELECT count(*) FROM credentials").await, 1);
    assert!(!files(&place).iter().any(|name| name.contains("restoring")));
}
