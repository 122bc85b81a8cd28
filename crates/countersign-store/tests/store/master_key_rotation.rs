//! Another master key, at every moment at which a rotation may be cut short.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;
use std::time::Duration;

use countersign::Secret;
use countersign::directory::{Directory as _, StaleView};
use countersign::registry::Registry as _;
use countersign::time::Timestamp;
use countersign_store::{MasterKey, Store, StoreError, StoreOptions};

use crate::support::{Place, Uptime, key, me};

const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn read(place: &Place) -> String {
    fs::read_to_string(place.file("countersign.key")).unwrap()
}

/// Everything that needs the master key.
async fn works(store: &Store) {
    store.rotate_pepper(&me()).await.unwrap();
    store.signing_keys("default", None).await.unwrap();
    let lead = Duration::from_secs(60);
    let pending = store
        .rotate_signing_key(&me(), "default", None, lead)
        .await
        .unwrap();
    store
        .revoke_signing_key(&me(), "default", &pending.kid)
        .await
        .unwrap();
}

/// The id of the key that signs.
async fn signs_with(store: &Store) -> String {
    let ring = store.signing_keys("default", None).await.unwrap();
    ring.signing_at(NOW).unwrap().id().to_owned()
}

/// What is sealed, by table, whatever tables there are.
async fn sealed(place: &Place) -> Vec<(String, Vec<u8>)> {
    let mut connection = place.intrude().await;
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
async fn everything_is_sealed_anew_and_the_old_key_opens_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let kid = signs_with(&store).await;
    let made = store.create_key(&me(), key("ci")).await.unwrap();
    store.rotate_pepper(&me()).await.unwrap();
    let (old, before) = (read(&place), sealed(&place).await);
    assert_eq!(
        before.len(),
        4,
        "the audit's key, two peppers, a signing key"
    );

    store.rotate_master_key(&me()).await.unwrap();
    assert_ne!(read(&place), old);
    let mode = fs::metadata(place.file("countersign.key")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    assert!(!place.file("countersign.key.next").exists());
    let after = sealed(&place).await;
    assert_eq!(after.len(), before.len());
    for kept in &after {
        assert!(!before.contains(kept), "{} was left as it was", kept.0);
    }
    works(&store).await;
    store.close().await.unwrap();

    let again = place.open().await;
    assert_eq!(signs_with(&again).await, kid);
    assert!(again.directory().credential(&made.record.id).is_some());
    again.close().await.unwrap();
    fs::write(place.file("countersign.key"), old).unwrap();
    let error = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal { .. }), "{error}");
}

#[tokio::test]
async fn process_with_the_old_key_reads_the_new_one_when_it_needs_it() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let ring = there.signing_keys("default", None).await.unwrap();
    here.rotate_master_key(&me()).await.unwrap();
    let made = here
        .rotate_signing_key(&me(), "default", None, Duration::from_secs(60))
        .await
        .unwrap();
    here.rotate_pepper(&me()).await.unwrap();
    there.catch_up().await.unwrap();
    assert!(ring.jwks().contains(&made.kid), "the new key is published");
    here.revoke_signing_key(&me(), "default", &made.kid)
        .await
        .unwrap();
    works(&there).await;
    here.catch_up().await.unwrap();
    works(&here).await;
}

#[tokio::test]
async fn rotations_of_two_processes_follow_each_other() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    for store in [&here, &there, &there, &here] {
        store.rotate_master_key(&me()).await.unwrap();
    }
    let (first, second) = (here.clone(), there.clone());
    let one = tokio::spawn(async move { first.rotate_master_key(&me()).await });
    let other = tokio::spawn(async move { second.rotate_master_key(&me()).await });
    one.await.unwrap().unwrap();
    other.await.unwrap().unwrap();
    works(&here).await;
    works(&there).await;
    works(&place.open().await).await;
}

/// As a rotation leaves things that is killed between its commit and the rename; the new key's text.
async fn killed_before_the_rename(place: &Place) -> String {
    let (file, next) = (
        place.file("countersign.key"),
        place.file("countersign.key.next"),
    );
    let old = read(place);
    place.open().await.rotate_master_key(&me()).await.unwrap();
    fs::rename(&file, &next).unwrap();
    fs::write(&file, old).unwrap();
    fs::read_to_string(next).unwrap()
}

#[tokio::test]
async fn rotation_killed_after_its_commit_is_finished_by_the_next_open() {
    let place = Place::new();
    place.open().await;
    let new = killed_before_the_rename(&place).await;
    works(&place.open().await).await;
    assert_eq!(read(&place), new);
    assert!(!place.file("countersign.key.next").exists());
}

/// The key lies elsewhere, and its place has a link to a link to it.
fn link_elsewhere(place: &Place) {
    fs::create_dir(place.file("keys")).unwrap();
    fs::rename(place.file("countersign.key"), place.file("keys/k.key")).unwrap();
    symlink("keys/k.key", place.file("link")).unwrap();
    symlink("link", place.file("countersign.key")).unwrap();
}

#[tokio::test]
async fn key_file_that_is_a_link_stays_one_and_what_it_leads_to_is_replaced() {
    let place = Place::new();
    let running = place.open().await;
    link_elsewhere(&place);
    let old = read(&place);
    running.rotate_master_key(&me()).await.unwrap();
    assert!(place.file("countersign.key").is_symlink());
    assert!(place.file("link").is_symlink());
    assert_ne!(read(&place), old);
    let left: Vec<_> = fs::read_dir(place.file("keys")).unwrap().collect();
    assert_eq!(left.len(), 1, "the old key is gone");
    works(&place.open().await).await;
}

#[tokio::test]
async fn rotation_killed_after_its_commit_is_finished_where_a_link_leads() {
    let place = Place::new();
    let running = place.open().await;
    link_elsewhere(&place);
    let (file, next) = (place.file("keys/k.key"), place.file("keys/k.key.next"));
    let old = read(&place);
    place.open().await.rotate_master_key(&me()).await.unwrap();
    fs::rename(&file, &next).unwrap();
    fs::write(&file, old).unwrap();
    let new = fs::read_to_string(&next).unwrap();
    works(&running).await;
    works(&place.open().await).await;
    assert!(place.file("countersign.key").is_symlink());
    assert_eq!(read(&place), new);
    assert!(!next.exists());
}

#[tokio::test]
async fn running_process_bears_a_rotation_killed_after_its_commit() {
    let place = Place::new();
    let running = place.open().await;
    let new = killed_before_the_rename(&place).await;
    works(&running).await;
    // And does not write over the one key that opens the database.
    running.rotate_master_key(&me()).await.unwrap();
    assert_ne!(read(&place), new);
    works(&place.open().await).await;
}

#[tokio::test]
async fn rotation_that_fails_does_not_take_away_the_key_that_one_before_left_beside() {
    let place = Place::new();
    let running = place.open().await;
    let new = killed_before_the_rename(&place).await;
    fail_to_rotate(&place, &running).await;
    works(&place.open().await).await;
    assert_eq!(read(&place), new);
}

#[tokio::test]
async fn rotation_killed_before_its_commit_leaves_a_key_that_is_written_over() {
    for left in [OTHER, "", "half a k"] {
        let place = Place::new();
        place.open().await.close().await.unwrap();
        let old = read(&place);
        fs::write(place.file("countersign.key.next"), left).unwrap();
        let store = place.open().await;
        assert_eq!(read(&place), old);
        works(&store).await;
        store.rotate_master_key(&me()).await.unwrap();
        assert!(read(&place) != old && !read(&place).contains(OTHER));
        assert!(!place.file("countersign.key.next").exists());
        works(&place.open().await).await;
    }
}

/// A rotation that fails right before its commit.
async fn fail_to_rotate(place: &Place, store: &Store) {
    place
        .execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
        )
        .await;
    store.rotate_master_key(&me()).await.unwrap_err();
    place.execute("DROP TRIGGER full").await;
}

#[tokio::test]
async fn rotation_that_fails_changes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let (old, before) = (read(&place), sealed(&place).await);
    fail_to_rotate(&place, &store).await;
    assert_eq!((read(&place), sealed(&place).await), (old, before));
    store.rotate_master_key(&me()).await.unwrap();
    works(&place.open().await).await;
}

fn with_text(place: &Place, text: &str) -> StoreOptions {
    let mut options = place.options();
    options.master_key = MasterKey::Text(Secret::from(text.to_owned()));
    options.max_staleness = Duration::from_secs(5);
    options
}

#[tokio::test]
async fn key_given_as_text_is_replaced_by_one_that_is_given_too() {
    let place = Place::new();
    let store = Store::open(with_text(&place, ONE)).await.unwrap();
    let error = store.rotate_master_key(&me()).await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKeyIsText), "{error}");
    for malformed in [
        "",
        "swordfish",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        let malformed = Secret::from(malformed.to_owned());
        let error = store.rotate_master_key_to(&me(), &malformed).await;
        assert!(matches!(error, Err(StoreError::MasterKeyMalformed)));
    }
    let new = Secret::from(OTHER.to_owned());
    store.rotate_master_key_to(&me(), &new).await.unwrap();
    works(&store).await;
    works(&Store::open(with_text(&place, OTHER)).await.unwrap()).await;
    let error = Store::open(with_text(&place, ONE)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal { .. }), "{error}");
    assert!(!place.file("countersign.key").exists());
}

#[tokio::test]
async fn process_with_the_old_text_fails_closed_and_says_why_when_it_needs_the_key() {
    let place = Place::new();
    let uptime = Uptime::default();
    let mut options = with_text(&place, ONE);
    options.since_boot = Arc::new(uptime.clone());
    let (here, there) = (
        Store::open(with_text(&place, ONE)).await.unwrap(),
        Store::open(options).await.unwrap(),
    );
    let new = Secret::from(OTHER.to_owned());
    here.rotate_master_key_to(&me(), &new).await.unwrap();
    // What needs no secret goes on.
    here.create_key(&me(), key("ci")).await.unwrap();
    there.catch_up().await.unwrap();

    here.rotate_pepper(&me()).await.unwrap();
    let error = there.catch_up().await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKeyRotated), "{error}");
    assert!(error.to_string().contains("restart"), "{error}");
    uptime.advance(Duration::from_secs(6));
    assert!(there.catch_up().await.is_err());
    assert_eq!(there.directory().check_freshness(), Err(StaleView));
}

#[tokio::test]
async fn rotation_is_in_the_audit_and_the_chain_goes_on() {
    let place = Place::new();
    let store = place.open().await;
    store.rotate_master_key(&me()).await.unwrap();
    store.create_key(&me(), key("ci")).await.unwrap();
    let told = store.list_audit(&me(), None, 9).await.unwrap();
    let actions: Vec<&str> = told.iter().map(|told| &*told.action).collect();
    assert_eq!(actions, ["key.create", "master_key.rotate"]);
    let verified = store.verify_audit(None).await.unwrap();
    assert!(
        matches!(verified, countersign_store::Verified::Intact { .. }),
        "{verified:?}"
    );
}
