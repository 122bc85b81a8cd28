//! First starts, second starts, and what is refused at the door.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use countersign::Secret;
use countersign::directory::Directory as _;
use countersign::registry::{Change, Registry as _, Rotation};
use countersign::time::Timestamp;
use countersign_store::{MasterKey, Store, StoreError, Verified};
use sqlx::Connection as _;

use crate::support::{Place, key, me, user};

/// The bytes 0 to 31: nobody's key, and as good as any here.
const OTHER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[track_caller]
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn first_open_makes_files_that_nobody_else_can_read() {
    let place = Place::new();
    let store = place.open().await;
    for name in [
        "countersign.db",
        "countersign.db-wal",
        "countersign.db-shm",
        "countersign.key",
    ] {
        assert_eq!(mode(&place.file(name)), 0o600, "{name}");
    }
    assert!(!place.file("countersign.key.new").exists());
    store.check().await.unwrap();
}

#[tokio::test]
async fn second_open_finds_what_the_first_one_made() {
    let place = Place::new();
    let first = place.open().await;
    assert!(!first.has_credentials().await.unwrap());
    let made = first.create_key(&me(), key("ci")).await.unwrap();
    first.close().await.unwrap();

    let second = place.open().await;
    assert!(second.has_credentials().await.unwrap());
    let shown = second.show(&me(), made.record.id).await.unwrap();
    assert_eq!(shown.account_id, made.record.account_id);
    let digest = second
        .peppers()
        .proof(&made.record.id, made.issued.secret.expose());
    let found = second.directory().credential(&made.record.id).unwrap();
    let countersign::directory::StoredSecret::Key(kept) = found.secret else {
        panic!("a key has a digest");
    };
    assert_eq!(
        kept.current().digest.as_bytes(),
        digest.current().digest.as_bytes()
    );
}

#[tokio::test]
async fn key_file_missing_for_an_existing_database_is_an_error_that_names_it() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    fs::remove_file(place.file("countersign.key")).unwrap();
    let error = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKeyMissing { .. }));
    assert!(error.to_string().contains("countersign.key"));
    assert!(!place.file("countersign.key").exists(), "none was made");
}

#[tokio::test]
async fn wrong_master_key_refused() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let other = OTHER_KEY.to_owned();
    fs::write(place.file("countersign.key"), &other).unwrap();
    let error = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal { .. }));
    assert!(!format!("{error} {error:?}").contains(&other));
}

#[tokio::test]
async fn malformed_master_key_refused_and_not_repeated() {
    let place = Place::new();
    let long = [b'A'; 5000];
    let zeros = format!("{}=", "A".repeat(43));
    // Seven distinct bytes, over and over.
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
        fs::write(place.file("countersign.key"), text).unwrap();
        let error = Store::open(place.options()).await.unwrap_err();
        assert!(matches!(error, StoreError::MasterKeyMalformed));
        assert!(!format!("{error} {error:?}").contains("swordfish"));
    }
}

#[test]
fn master_key_as_text_is_looked_at_before_there_is_a_store() {
    assert!(MasterKey::from_text(Secret::from(OTHER_KEY.to_owned())).is_ok());
    for text in ["", " ", "swordfish"] {
        let error = MasterKey::from_text(Secret::from(text.to_owned())).unwrap_err();
        assert!(matches!(error, StoreError::MasterKeyMalformed), "{text}");
    }
}

#[tokio::test]
async fn master_key_given_as_text_is_used_and_no_file_is_made() {
    let place = Place::new();
    let mut options = place.options();
    options.master_key = MasterKey::Text(Secret::from(format!("{OTHER_KEY}\n")));
    let store = Store::open(options.clone()).await.unwrap();
    store.close().await.unwrap();
    assert!(!place.file("countersign.key").exists());
    Store::open(options.clone()).await.unwrap();
    options.master_key = MasterKey::Text(Secret::from(OTHER_KEY.replace("AAEC", "BAEC")));
    let error = Store::open(options).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal { .. }));
}

#[tokio::test]
async fn master_key_is_made_where_the_caller_said() {
    let place = Place::new();
    let mut options = place.options();
    options.master_key = MasterKey::File(place.file("elsewhere"));
    Store::open(options).await.unwrap();
    assert_eq!(mode(&place.file("elsewhere")), 0o600);
    assert!(!place.file("countersign.key").exists());
}

#[tokio::test]
async fn master_key_left_by_a_start_that_died_is_used_by_the_next() {
    let place = Place::new();
    let text = format!("{OTHER_KEY}\n");
    fs::write(place.file("countersign.key"), &text).unwrap();
    fs::write(place.file("countersign.key.new"), "half").unwrap();
    place.open().await;
    let kept = fs::read_to_string(place.file("countersign.key")).unwrap();
    assert_eq!(kept, text);
}

#[tokio::test]
async fn master_key_is_made_where_a_link_leads() {
    let place = Place::new();
    fs::create_dir(place.file("keys")).unwrap();
    symlink("keys/k.key", place.file("countersign.key")).unwrap();
    place.open().await.close().await.unwrap();
    assert!(place.file("countersign.key").is_symlink());
    assert_eq!(mode(&place.file("keys/k.key")), 0o600);
    place.open().await;
}

#[tokio::test]
async fn audit_log_is_not_begun_anew_after_it_was_emptied() {
    let place = Place::new();
    let store = place.open().await;
    store.create_key(&me(), key("ci")).await.unwrap();
    store.close().await.unwrap();
    place
        .execute("DROP TRIGGER audit_is_never_deleted; DELETE FROM audit; DELETE FROM audit_head")
        .await;
    for _ in 0..2 {
        let error = Store::open(place.options()).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("audit log"), "{error}");
    }
    // Nor when the records come to be missing under an open store.
    let other = Place::new();
    let store = other.open().await;
    other.execute("DELETE FROM audit_head").await;
    let error = store.rotate_pepper(&me()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn audit_log_is_begun_when_a_database_from_before_it_is_opened() {
    let place = Place::new();
    let now = place.options();
    Store::open(now.clone())
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    let mut older = place.intrude_new("older.db").await;
    let first = include_str!("../../migrations/0001_first.sql");
    sqlx::raw_sql(first).execute(&mut older).await.unwrap();
    let path = place.file("countersign.db");
    sqlx::query("ATTACH DATABASE ? AS newer")
        .bind(path.to_str().unwrap())
        .execute(&mut older)
        .await
        .unwrap();
    sqlx::raw_sql(
        "CREATE TABLE _sqlx_migrations AS SELECT * FROM newer._sqlx_migrations WHERE version = 1;
         INSERT INTO accounts SELECT id, name, generation, created_at FROM newer.accounts;
         INSERT INTO environments SELECT * FROM newer.environments;
         INSERT INTO issuers SELECT * FROM newer.issuers;
         INSERT INTO peppers SELECT * FROM newer.peppers;
         INSERT INTO initial_set SELECT * FROM newer.initial_set",
    )
    .execute(&mut older)
    .await
    .unwrap();
    older.close().await.unwrap();

    let mut options = now;
    options.url = format!("sqlite://{}", place.file("older.db").display());
    let store = Store::open(options.clone()).await.unwrap();
    store.create_key(&me(), key("ci")).await.unwrap();
    store.close().await.unwrap();
    let store = Store::open(options).await.unwrap();
    let verified = store.verify_audit(None).await.unwrap();
    assert!(matches!(verified, Verified::Intact { records: 1, .. }));
}

#[tokio::test]
async fn database_from_before_sessions_keeps_all_that_was_in_it() {
    let place = Place::new();
    let store = place.open().await;
    let mut ids = Vec::new();
    for name in ["plain", "rotated", "suspended"] {
        let key = key(name).allow_from("192.0.2.0/24".parse().unwrap());
        ids.push(store.create_key(&me(), key).await.unwrap().record.id);
    }
    let grace = Rotation::Grace(Duration::from_secs(60));
    store.rotate(&me(), ids[1], grace).await.unwrap();
    store.change(&me(), ids[2], Change::Suspend).await.unwrap();
    let ada = store.create_user(&me(), user("ada")).await.unwrap().id;
    let reason = Some("left".to_owned());
    let revoke = Change::Revoke { reason };
    store.change(&me(), ada, revoke).await.unwrap();
    store.signing_keys("default", None).await.unwrap();
    let lifetime = Duration::from_secs(99 * 3600);
    store.allow_lifetime(lifetime).await.unwrap();
    ids.push(ada);
    let mut before = Vec::new();
    for id in &ids {
        before.push(store.show(&me(), *id).await.unwrap());
    }
    store.close().await.unwrap();
    place
        .execute("UPDATE credentials SET last_used_at = 5 WHERE name = 'plain'")
        .await;
    before[0].last_used_at = Some(Timestamp::from_unix_millis(5));

    let mut older = place.intrude_new("older.db").await;
    for step in [
        include_str!("../../migrations/0001_first.sql"),
        include_str!("../../migrations/0002_lifecycle.sql"),
    ] {
        sqlx::raw_sql(step).execute(&mut older).await.unwrap();
    }
    let path = place.file("countersign.db");
    sqlx::query("ATTACH DATABASE ? AS newer")
        .bind(path.to_str().unwrap())
        .execute(&mut older)
        .await
        .unwrap();
    sqlx::raw_sql(
        "CREATE TABLE _sqlx_migrations AS SELECT * FROM newer._sqlx_migrations WHERE version <= 2;
         INSERT INTO accounts SELECT * FROM newer.accounts;
         INSERT INTO environments SELECT * FROM newer.environments;
         INSERT INTO issuers SELECT * FROM newer.issuers;
         INSERT INTO peppers SELECT * FROM newer.peppers;
         INSERT INTO initial_set SELECT * FROM newer.initial_set;
         INSERT INTO signing_keys SELECT * FROM newer.signing_keys;
         INSERT INTO credentials
             SELECT id, kind, name, account_id, environment_id, generation, status, reason, scopes, allow_from,
                    created_at, updated_at, expires_at, last_used_at, pepper_version, digest, previous_digest,
                    previous_until, password_hash FROM newer.credentials;
         INSERT INTO denied_entities SELECT * FROM newer.denied_entities;
         INSERT INTO changes SELECT * FROM newer.changes;
         UPDATE change_head SET number = (SELECT number FROM newer.change_head);
         UPDATE state SET largest_lifetime = 99 * 3600;
         INSERT INTO audit SELECT * FROM newer.audit;
         INSERT INTO audit_head SELECT * FROM newer.audit_head",
    )
    .execute(&mut older)
    .await
    .unwrap();
    older.close().await.unwrap();

    let mut options = place.options();
    options.url = format!("sqlite://{}", place.file("older.db").display());
    let store = Store::open(options).await.unwrap();
    for (id, before) in ids.iter().zip(&before) {
        assert_eq!(store.show(&me(), *id).await.unwrap(), *before);
    }
    assert_eq!(store.directory().lowest_generation(&ids[2]), Some(2));
    let verified = store.verify_audit(None).await.unwrap();
    assert!(matches!(verified, Verified::Intact { .. }));
    let mut intruder = place.intrude_into("older.db").await;
    let longest: i64 = sqlx::query_scalar("SELECT longest_signed FROM state")
        .fetch_one(&mut intruder)
        .await
        .unwrap();
    assert_eq!(longest, 99 * 3600);
    let sql = "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema
        WHERE type = 'index' AND tbl_name = 'credentials' AND sql IS NOT NULL ORDER BY name)";
    let indexes: String = sqlx::query_scalar(sql)
        .fetch_one(&mut intruder)
        .await
        .unwrap();
    assert_eq!(
        indexes,
        "credentials_of_accounts,credentials_of_peppers,user_names"
    );
    store.create_key(&me(), key("new")).await.unwrap();
}

#[tokio::test]
async fn newer_schema_refused() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    place
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', TRUE, x'00', 0)",
        )
        .await;
    let error = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { version: 9999 }));
}

#[tokio::test]
async fn database_of_something_else_refused_and_left_alone() {
    let place = Place::new();
    fs::write(place.file("countersign.db"), "").unwrap();
    place.execute("CREATE TABLE recipes (name TEXT)").await;
    let before = fs::read(place.file("countersign.db")).unwrap();
    let error = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign));
    assert_eq!(fs::read(place.file("countersign.db")).unwrap(), before);
    assert!(!place.file("countersign.key").exists());
}

#[tokio::test]
async fn file_that_is_no_database_refused() {
    let place = Place::new();
    fs::write(place.file("countersign.db"), "x".repeat(8192)).unwrap();
    let error = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)));
}

#[tokio::test]
async fn missing_folder_is_an_error_that_says_so() {
    let place = Place::new();
    let mut options = place.options();
    options.url = format!("sqlite://{}", place.file("no/such/c.db").display());
    let error = Store::open(options).await.unwrap_err();
    assert!(matches!(error, StoreError::File { .. }));
    assert!(error.to_string().contains("its folder must exist"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_make_one_initial_set() {
    let place = Place::new();
    let starts: Vec<_> = (0..6)
        .map(|_| tokio::spawn(Store::open(place.options())))
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    let mut connection = place.intrude().await;
    for sql in [
        "SELECT count(*) FROM initial_set",
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
