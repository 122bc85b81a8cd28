//! Opening a store: the first time, again, and when it is rejected.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use countersign::directory::{Directory as _, EnvironmentKind};
use countersign::key::ImportedKey;
use countersign::registry::backend::StoredSecret;
use countersign::registry::{Change, NewEnvironment, NewKey, Owner, Registry as _, Rotation};
use countersign::{Id, Scopes, Secret};
use countersign_store::{MasterKey, Store, StoreError};

use crate::support::{REVOKE, TestFolder, new_key, new_user, operator};

/// The bytes 0 to 31 in base64.
const OTHER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[track_caller]
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn first_open_creates_files_that_only_their_owner_can_read() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    for name in [
        "countersign.db",
        "countersign.db-wal",
        "countersign.db-shm",
        "countersign.key",
    ] {
        assert_eq!(mode(&folder.file(name)), 0o600, "{name}");
    }
    assert!(!folder.file("countersign.key.new").exists());
    store.check().await.unwrap();
}

#[tokio::test]
async fn second_open_finds_the_records_of_the_first() {
    let folder = TestFolder::sqlite();
    let first = folder.open().await;
    assert!(!first.has_credentials().await.unwrap());
    let created = first.create_key(&operator(), new_key("ci")).await.unwrap();
    first.close().await.unwrap();

    let second = folder.open().await;
    assert!(second.has_credentials().await.unwrap());
    let shown = second.show(&operator(), created.record.id).await.unwrap();
    assert_eq!(shown.account_id, created.record.account_id);
    let digest = second
        .peppers()
        .digests(&created.record.id, created.issued.secret.expose());
    let found = second.directory().credential(&created.record.id).unwrap();
    let StoredSecret::Key(stored) = found.secret else {
        panic!("a key has a digest");
    };
    assert_eq!(
        stored.current.digest.as_bytes(),
        digest.current.digest.as_bytes()
    );
}

/// Describes a credential of a view with its secret, which `Debug` does not show.
fn described(store: &Store, id: &Id) -> String {
    let credential = store.directory().credential(id).unwrap();
    let secret = match &credential.secret {
        StoredSecret::Key(digests) => {
            let previous = digests
                .previous
                .map(|(digest, until)| (*digest.as_bytes(), until));
            let current = digests.current;
            format!(
                "{} {:?} {previous:?}",
                current.pepper,
                current.digest.as_bytes()
            )
        }
        StoredSecret::ImportedKey(key) => format!("{} {:?}", key.pepper, key.digest.as_bytes()),
        _ => String::new(),
    };
    format!("{credential:?} {secret}")
}

#[tokio::test]
async fn store_that_reads_all_records_has_the_same_as_one_that_reads_every_change() {
    let folder = TestFolder::new();
    let first = folder.open().await;
    let account = first
        .create_account(&operator(), "other".to_owned())
        .await
        .unwrap()
        .id;
    let ours = operator().within_account(account);
    let sandbox = NewEnvironment::new("test", EnvironmentKind::Sandbox);
    let sandbox = first.create_environment(&ours, sandbox).await.unwrap().id;
    let of_account = Owner {
        account: Some(account),
        environment: None,
    };
    let of_sandbox = Owner {
        account: Some(account),
        environment: Some(sandbox),
    };
    let mut ids = Vec::new();
    for new in [
        new_key("plain"),
        NewKey::new("", Scopes::none()),
        new_key("of an account").owner(of_account),
        new_key("of a sandbox").owner(of_sandbox),
        new_key("with networks").allow_from("10.0.0.0/8".parse().unwrap()),
        new_key("with issuers").issuers("default".parse().unwrap()),
        new_key("suspended"),
        new_key("revoked"),
        new_key("rotated"),
        new_key("rotated with grace"),
    ] {
        let id = first
            .create_key(&operator(), new.clone())
            .await
            .unwrap()
            .record
            .id;
        let grace = Rotation::Grace(Duration::from_secs(3600));
        let rotation = match &*new.name {
            "suspended" => {
                first
                    .change(&operator(), id, Change::Suspend)
                    .await
                    .unwrap();
                None
            }
            "revoked" => {
                first.change(&operator(), id, REVOKE).await.unwrap();
                None
            }
            "rotated" => Some(Rotation::Compromised),
            "rotated with grace" => Some(grace),
            _ => None,
        };
        if let Some(rotation) = rotation {
            first.rotate(&operator(), id, rotation).await.unwrap();
        }
        ids.push(id);
    }
    ids.push(
        first
            .create_user(&operator(), new_user("aladdin"))
            .await
            .unwrap()
            .id,
    );
    let imported = ImportedKey::of(b"a key of another system");
    let imported = first
        .import_key(&operator(), new_key("imported"), imported)
        .await;
    ids.push(imported.unwrap().id);
    first.catch_up().await.unwrap();

    let second = folder.open().await;
    for id in &ids {
        assert_eq!(described(&second, id), described(&first, id));
    }
}

#[tokio::test]
async fn missing_key_file_of_an_existing_database_is_an_error_that_names_the_file() {
    let folder = TestFolder::sqlite();
    folder.open().await.close().await.unwrap();
    fs::remove_file(folder.file("countersign.key")).unwrap();
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKeyMissing(_)));
    assert!(error.to_string().contains("countersign.key"));
    assert!(!folder.file("countersign.key").exists(), "none was created");
}

#[tokio::test]
async fn file_that_sqlite_cannot_open_is_named_with_its_owner_its_mode_and_the_user() {
    for blocked in ["countersign.db", "countersign.db-wal"] {
        let folder = TestFolder::sqlite();
        if blocked != "countersign.db" {
            folder.open().await.close().await.unwrap();
        }
        fs::create_dir(folder.file(blocked)).unwrap();
        let error = Store::open(folder.options()).await.unwrap_err();
        assert!(matches!(error, StoreError::CannotOpen { .. }), "{error}");
        let text = error.to_string();
        let path = folder.file("countersign.db").display().to_string();
        for part in [
            &*path,
            "belongs to user",
            "with mode 0",
            "runs as user",
            "its folder",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[tokio::test]
async fn wrong_master_key_is_rejected() {
    let folder = TestFolder::sqlite();
    folder.open().await.close().await.unwrap();
    let other = OTHER_KEY.to_owned();
    fs::write(folder.file("countersign.key"), &other).unwrap();
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal(_)));
    assert!(!format!("{error} {error:?}").contains(&other));
}

#[tokio::test]
async fn malformed_master_key_is_rejected_and_not_repeated() {
    let folder = TestFolder::sqlite();
    let long = [b'A'; 5000];
    let zeros = format!("{}=", "A".repeat(43));
    // Seven distinct bytes, repeated.
    let placeholder = "YWJjZGVmZ2FiY2RlZmdhYmNkZWZnYWJjZGVmZ2FiY2Q=";
    for text in [
        b"".as_slice(),
        b"swordfish",
        b"c3dvcmRmaXNo",
        b"\xff\xfe",
        &long,
        zeros.as_bytes(),
        placeholder.as_bytes(),
    ] {
        fs::write(folder.file("countersign.key"), text).unwrap();
        let error = Store::open(folder.options()).await.unwrap_err();
        assert!(matches!(error, StoreError::MasterKeyMalformed));
        assert!(!format!("{error} {error:?}").contains("swordfish"));
    }
}

#[test]
fn master_key_given_as_text_is_checked_before_a_store_is_opened() {
    assert!(MasterKey::from_text(Secret::from(OTHER_KEY.to_owned())).is_ok());
    for text in ["", " ", "swordfish"] {
        let error = MasterKey::from_text(Secret::from(text.to_owned())).unwrap_err();
        assert!(matches!(error, StoreError::MasterKeyMalformed), "{text}");
    }
}

#[tokio::test]
async fn master_key_given_as_text_is_used_and_no_file_is_created() {
    let folder = TestFolder::sqlite();
    let mut options = folder.options();
    options.master_key = MasterKey::Text(Secret::from(format!("{OTHER_KEY}\n")));
    let store = Store::open(options.clone()).await.unwrap();
    store.close().await.unwrap();
    assert!(!folder.file("countersign.key").exists());
    Store::open(options.clone()).await.unwrap();
    options.master_key = MasterKey::Text(Secret::from(OTHER_KEY.replace("AAEC", "BAEC")));
    let error = Store::open(options).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal(_)));
}

#[tokio::test]
async fn master_key_is_created_in_the_configured_file() {
    let folder = TestFolder::sqlite();
    let mut options = folder.options();
    options.master_key = MasterKey::File(folder.file("elsewhere"));
    Store::open(options).await.unwrap();
    assert_eq!(mode(&folder.file("elsewhere")), 0o600);
    assert!(!folder.file("countersign.key").exists());
}

#[tokio::test]
async fn master_key_of_an_interrupted_first_start_is_used_by_the_next() {
    let folder = TestFolder::sqlite();
    let text = format!("{OTHER_KEY}\n");
    fs::write(folder.file("countersign.key"), &text).unwrap();
    fs::write(folder.file("countersign.key.new"), "half").unwrap();
    folder.open().await;
    let stored = fs::read_to_string(folder.file("countersign.key")).unwrap();
    assert_eq!(stored, text);
}

#[tokio::test]
async fn master_key_is_created_where_a_link_leads() {
    let folder = TestFolder::sqlite();
    fs::create_dir(folder.file("keys")).unwrap();
    symlink("keys/k.key", folder.file("countersign.key")).unwrap();
    folder.open().await.close().await.unwrap();
    assert!(folder.file("countersign.key").is_symlink());
    assert_eq!(mode(&folder.file("keys/k.key")), 0o600);
    folder.open().await;
}

#[tokio::test]
async fn audit_log_is_not_created_again_after_it_was_emptied() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    store.create_key(&operator(), new_key("ci")).await.unwrap();
    store.close().await.unwrap();
    folder
        .execute("DROP TRIGGER audit_is_never_deleted; DELETE FROM audit; DELETE FROM audit_head")
        .await;
    for _ in 0..2 {
        let error = Store::open(folder.options()).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        assert!(error.to_string().contains("audit log"), "{error}");
    }
    // Nor if the records are deleted while the store is open.
    let other = TestFolder::sqlite();
    let store = other.open().await;
    other.execute("DELETE FROM audit_head").await;
    let error = store.rotate_pepper(&operator()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
}

#[tokio::test]
async fn database_of_an_unreleased_version_is_rejected_and_left_alone() {
    let folder = TestFolder::sqlite();
    fs::write(folder.file("countersign.db"), "").unwrap();
    folder
        .execute("CREATE TABLE _sqlx_migrations (version); CREATE TABLE initial_set (one)")
        .await;
    let before = fs::read(folder.file("countersign.db")).unwrap();
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::UnreleasedSchema), "{error}");
    assert!(error.to_string().contains("before the first release"));
    assert_eq!(fs::read(folder.file("countersign.db")).unwrap(), before);
    assert!(!folder.file("countersign.key").exists());
}

#[tokio::test]
async fn newer_schema_is_rejected() {
    let folder = TestFolder::sqlite();
    folder.open().await.close().await.unwrap();
    folder.execute("PRAGMA user_version = 9999").await;
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema(9999)));
}

#[tokio::test]
async fn database_of_another_application_is_rejected_and_left_alone() {
    let folder = TestFolder::sqlite();
    fs::write(folder.file("countersign.db"), "").unwrap();
    folder.execute("CREATE TABLE recipes (name TEXT)").await;
    let before = fs::read(folder.file("countersign.db")).unwrap();
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::UnrelatedDatabase));
    assert_eq!(fs::read(folder.file("countersign.db")).unwrap(), before);
    assert!(!folder.file("countersign.key").exists());
}

#[tokio::test]
async fn file_that_is_not_a_database_is_rejected() {
    let folder = TestFolder::sqlite();
    fs::write(folder.file("countersign.db"), "x".repeat(8192)).unwrap();
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)));
}

#[tokio::test]
async fn missing_folder_is_an_error_that_names_the_cause() {
    let folder = TestFolder::sqlite();
    let mut options = folder.options();
    options.url = format!("sqlite://{}", folder.file("no/such/c.db").display());
    let error = Store::open(options).await.unwrap_err();
    assert!(matches!(error, StoreError::File { .. }));
    assert!(error.to_string().contains("its folder must exist"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_create_the_initial_records_once() {
    let folder = TestFolder::sqlite();
    let starts: Vec<_> = (0..6)
        .map(|_| tokio::spawn(Store::open(folder.options())))
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    let mut connection = folder.connect().await;
    for sql in [
        "SELECT count(*) FROM state",
        "SELECT count(*) FROM accounts WHERE name = 'default'",
        "SELECT count(*) FROM environments WHERE name = 'production' AND kind = 'production'",
        "SELECT count(*) FROM issuers WHERE name = 'default' AND url IS NULL",
        "SELECT count(*) FROM peppers WHERE version = 1",
    ] {
        let count: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(count, 1, "{sql}");
    }
}
