//! Rotation of the master key, and its interruption at every point.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;
use std::time::Duration;

use countersign::Secret;
use countersign::directory::{Directory as _, StaleView};
use countersign::registry::Registry as _;
use countersign::time::Timestamp;
use countersign_store::{MasterKey, Store, StoreError, StoreOptions};

use crate::support::{ManualBootClock, TestFolder, new_key, operator};

const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn read(folder: &TestFolder) -> String {
    fs::read_to_string(folder.file("countersign.key")).unwrap()
}

/// Uses everything that needs the master key.
async fn works(store: &Store) {
    store.rotate_pepper(&operator()).await.unwrap();
    store.signing_keys("default", None).await.unwrap();
    let lead = Duration::from_secs(60);
    let pending = store
        .rotate_signing_key(&operator(), "default", None, lead)
        .await
        .unwrap();
    store
        .revoke_signing_key(&operator(), "default", &pending.kid)
        .await
        .unwrap();
}

/// Returns the id of the active signing key.
async fn signs_with(store: &Store) -> String {
    let keys = store.signing_keys("default", None).await.unwrap();
    keys.signing_at(NOW).unwrap().id().to_owned()
}

/// Returns all ciphertexts with the names of their tables.
async fn sealed(folder: &TestFolder) -> Vec<(String, Vec<u8>)> {
    let mut connection = folder.connect().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND c.name LIKE '%sealed%' ORDER BY t.name",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut sealed = Vec::new();
    for table in tables {
        let query = format!("SELECT sealed FROM {table} WHERE sealed IS NOT NULL");
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        sealed.extend(rows.into_iter().map(|row| (table.clone(), row)));
    }
    sealed
}

#[tokio::test]
async fn everything_is_encrypted_again_and_the_old_key_decrypts_nothing() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let kid = signs_with(&store).await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    store.rotate_pepper(&operator()).await.unwrap();
    let (old, before) = (read(&folder), sealed(&folder).await);
    assert_eq!(before.len(), 4, "the audit key, two peppers, a signing key");

    store.rotate_master_key(&operator()).await.unwrap();
    assert_ne!(read(&folder), old);
    let mode = fs::metadata(folder.file("countersign.key")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    assert!(!folder.file("countersign.key.next").exists());
    let after = sealed(&folder).await;
    assert_eq!(after.len(), before.len());
    for ciphertext in &after {
        assert!(
            !before.contains(ciphertext),
            "{} was left as it was",
            ciphertext.0
        );
    }
    works(&store).await;
    store.close().await.unwrap();

    let again = folder.open().await;
    assert_eq!(signs_with(&again).await, kid);
    assert!(again.directory().credential(&created.record.id).is_some());
    again.close().await.unwrap();
    fs::write(folder.file("countersign.key"), old).unwrap();
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal(_)), "{error}");
}

#[tokio::test]
async fn process_with_the_old_key_reads_the_new_one_when_needed() {
    let folder = TestFolder::sqlite();
    let (here, there) = (folder.open().await, folder.open().await);
    let keys = there.signing_keys("default", None).await.unwrap();
    here.rotate_master_key(&operator()).await.unwrap();
    let created = here
        .rotate_signing_key(&operator(), "default", None, Duration::from_secs(60))
        .await
        .unwrap();
    here.rotate_pepper(&operator()).await.unwrap();
    there.catch_up().await.unwrap();
    assert!(
        keys.jwks().contains(&created.kid),
        "the new key is published"
    );
    here.revoke_signing_key(&operator(), "default", &created.kid)
        .await
        .unwrap();
    works(&there).await;
    here.catch_up().await.unwrap();
    works(&here).await;
}

#[tokio::test]
async fn rotations_of_two_processes_follow_each_other() {
    let folder = TestFolder::sqlite();
    let (here, there) = (folder.open().await, folder.open().await);
    for store in [&here, &there, &there, &here] {
        store.rotate_master_key(&operator()).await.unwrap();
    }
    let (first, second) = (here.clone(), there.clone());
    let one = tokio::spawn(async move { first.rotate_master_key(&operator()).await });
    let other = tokio::spawn(async move { second.rotate_master_key(&operator()).await });
    one.await.unwrap().unwrap();
    other.await.unwrap().unwrap();
    works(&here).await;
    works(&there).await;
    works(&folder.open().await).await;
}

/// Creates the files of a rotation that was interrupted between its commit and the rename, and returns the new key.
async fn killed_before_the_rename(folder: &TestFolder) -> String {
    let (file, next) = (
        folder.file("countersign.key"),
        folder.file("countersign.key.next"),
    );
    let old = read(folder);
    folder
        .open()
        .await
        .rotate_master_key(&operator())
        .await
        .unwrap();
    fs::rename(&file, &next).unwrap();
    fs::write(&file, old).unwrap();
    fs::read_to_string(next).unwrap()
}

#[tokio::test]
async fn rotation_interrupted_after_its_commit_is_finished_by_the_next_open() {
    let folder = TestFolder::sqlite();
    folder.open().await;
    let new = killed_before_the_rename(&folder).await;
    works(&folder.open().await).await;
    assert_eq!(read(&folder), new);
    assert!(!folder.file("countersign.key.next").exists());
}

/// Moves the key elsewhere, and replaces it by a link to a link to it.
fn link_elsewhere(folder: &TestFolder) {
    fs::create_dir(folder.file("keys")).unwrap();
    fs::rename(folder.file("countersign.key"), folder.file("keys/k.key")).unwrap();
    symlink("keys/k.key", folder.file("link")).unwrap();
    symlink("link", folder.file("countersign.key")).unwrap();
}

#[tokio::test]
async fn key_file_that_is_a_link_stays_one_and_its_target_is_replaced() {
    let folder = TestFolder::sqlite();
    let running = folder.open().await;
    link_elsewhere(&folder);
    let old = read(&folder);
    running.rotate_master_key(&operator()).await.unwrap();
    assert!(folder.file("countersign.key").is_symlink());
    assert!(folder.file("link").is_symlink());
    assert_ne!(read(&folder), old);
    let left: Vec<_> = fs::read_dir(folder.file("keys")).unwrap().collect();
    assert_eq!(left.len(), 1, "the old key is gone");
    works(&folder.open().await).await;
}

#[tokio::test]
async fn rotation_interrupted_after_its_commit_is_finished_where_a_link_leads() {
    let folder = TestFolder::sqlite();
    let running = folder.open().await;
    link_elsewhere(&folder);
    let (file, next) = (folder.file("keys/k.key"), folder.file("keys/k.key.next"));
    let old = read(&folder);
    folder
        .open()
        .await
        .rotate_master_key(&operator())
        .await
        .unwrap();
    fs::rename(&file, &next).unwrap();
    fs::write(&file, old).unwrap();
    let new = fs::read_to_string(&next).unwrap();
    works(&running).await;
    works(&folder.open().await).await;
    assert!(folder.file("countersign.key").is_symlink());
    assert_eq!(read(&folder), new);
    assert!(!next.exists());
}

#[tokio::test]
async fn running_process_continues_after_an_interrupted_rotation() {
    let folder = TestFolder::sqlite();
    let running = folder.open().await;
    let new = killed_before_the_rename(&folder).await;
    works(&running).await;
    // And does not overwrite the only key that decrypts the database.
    running.rotate_master_key(&operator()).await.unwrap();
    assert_ne!(read(&folder), new);
    works(&folder.open().await).await;
}

#[tokio::test]
async fn failed_rotation_keeps_the_key_of_an_interrupted_one() {
    let folder = TestFolder::sqlite();
    let running = folder.open().await;
    let new = killed_before_the_rename(&folder).await;
    fail_to_rotate(&folder, &running).await;
    works(&folder.open().await).await;
    assert_eq!(read(&folder), new);
}

#[tokio::test]
async fn rotation_interrupted_before_its_commit_leaves_a_key_that_is_overwritten() {
    for left in [OTHER, "", "half a k"] {
        let folder = TestFolder::sqlite();
        folder.open().await.close().await.unwrap();
        let old = read(&folder);
        fs::write(folder.file("countersign.key.next"), left).unwrap();
        let store = folder.open().await;
        assert_eq!(read(&folder), old);
        works(&store).await;
        store.rotate_master_key(&operator()).await.unwrap();
        assert!(read(&folder) != old && !read(&folder).contains(OTHER));
        assert!(!folder.file("countersign.key.next").exists());
        works(&folder.open().await).await;
    }
}

/// Lets a rotation fail right before its commit.
async fn fail_to_rotate(folder: &TestFolder, store: &Store) {
    folder
        .execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
        )
        .await;
    store.rotate_master_key(&operator()).await.unwrap_err();
    folder.execute("DROP TRIGGER full").await;
}

#[tokio::test]
async fn failed_rotation_changes_nothing() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let (old, before) = (read(&folder), sealed(&folder).await);
    fail_to_rotate(&folder, &store).await;
    assert_eq!((read(&folder), sealed(&folder).await), (old, before));
    store.rotate_master_key(&operator()).await.unwrap();
    works(&folder.open().await).await;
}

fn with_text(folder: &TestFolder, text: &str) -> StoreOptions {
    let mut options = folder.options();
    options.master_key = MasterKey::Text(Secret::from(text.to_owned()));
    options.max_staleness = Duration::from_secs(5);
    options
}

#[tokio::test]
async fn key_given_as_text_is_replaced_by_another_given_key() {
    let folder = TestFolder::sqlite();
    let store = Store::open(with_text(&folder, ONE)).await.unwrap();
    let error = store.rotate_master_key(&operator()).await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKeyIsText), "{error}");
    for malformed in [
        "",
        "swordfish",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        let malformed = Secret::from(malformed.to_owned());
        let error = store.rotate_master_key_to(&operator(), &malformed).await;
        assert!(matches!(error, Err(StoreError::MasterKeyMalformed)));
    }
    let new = Secret::from(OTHER.to_owned());
    store.rotate_master_key_to(&operator(), &new).await.unwrap();
    works(&store).await;
    works(&Store::open(with_text(&folder, OTHER)).await.unwrap()).await;
    let error = Store::open(with_text(&folder, ONE)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal(_)), "{error}");
    assert!(!folder.file("countersign.key").exists());
}

#[tokio::test]
async fn process_with_the_old_text_fails_with_the_cause_when_it_needs_the_key() {
    let folder = TestFolder::sqlite();
    let boot_clock = ManualBootClock::default();
    let mut options = with_text(&folder, ONE);
    options.boot_clock = Arc::new(boot_clock.clone());
    let (here, there) = (
        Store::open(with_text(&folder, ONE)).await.unwrap(),
        Store::open(options).await.unwrap(),
    );
    let new = Secret::from(OTHER.to_owned());
    here.rotate_master_key_to(&operator(), &new).await.unwrap();
    // Calls that need no secret succeed.
    here.create_key(&operator(), new_key("ci")).await.unwrap();
    there.catch_up().await.unwrap();

    here.rotate_pepper(&operator()).await.unwrap();
    let error = there.catch_up().await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKeyRotated), "{error}");
    assert!(error.to_string().contains("restart"), "{error}");
    boot_clock.advance(Duration::from_secs(6));
    assert!(there.catch_up().await.is_err());
    assert_eq!(there.directory().check_freshness(), Err(StaleView));
}

#[tokio::test]
async fn rotation_is_recorded_in_the_audit_log_and_the_chain_continues() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    store.rotate_master_key(&operator()).await.unwrap();
    store.create_key(&operator(), new_key("ci")).await.unwrap();
    let record = store.list_audit(&operator(), None, 9).await.unwrap();
    let actions: Vec<&str> = record.iter().map(|record| &*record.action).collect();
    assert_eq!(actions, ["key.create", "master_key.rotate"]);
    let verified = store.verify_audit(None).await.unwrap();
    assert!(
        matches!(verified, countersign_store::Verified::Intact { .. }),
        "{verified:?}"
    );
}
