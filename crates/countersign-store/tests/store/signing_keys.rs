//! The schedule of signing keys: it follows from their dates, and no valid token is rejected.

use std::sync::Arc;
use std::time::Duration;

use countersign::jose::{Algorithm, SigningKeys};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{KeyState, SigningKeyRecord, Store, StoreError};

use crate::support::{BootClockFrom, TestFolder, operator};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn open(folder: &TestFolder) -> (Store, FixedClock, SigningKeys) {
    let clock = FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let mut options = folder.options();
    options.clock = Arc::new(clock.clone());
    options.boot_clock = Arc::new(BootClockFrom(clock.clone()));
    let store = Store::open(options).await.unwrap();
    let keys = store.signing_keys("default", None).await.unwrap();
    (store, clock, keys)
}

async fn rotate(store: &Store, lead: Duration) -> SigningKeyRecord {
    store
        .rotate_signing_key(&operator(), "default", None, lead)
        .await
        .unwrap()
}

async fn states(store: &Store) -> Vec<KeyState> {
    let keys = store.list_signing_keys("default").await.unwrap();
    keys.iter().map(|key| key.state).collect()
}

fn signs(keys: &SigningKeys, clock: &FixedClock) -> String {
    keys.signing_at(clock.now()).unwrap().id().to_owned()
}

#[tokio::test]
async fn key_is_published_before_it_signs_and_after_it_has_retired() {
    let folder = TestFolder::new();
    let (store, clock, keys) = open(&folder).await;
    let first = signs(&keys, &clock);
    let second = rotate(&store, MINUTE * 10).await.kid;
    let published = |kid: &str| keys.jwks().contains(kid);
    assert!(published(&first) && published(&second));
    assert_eq!(states(&store).await, [KeyState::Pending, KeyState::Active]);
    assert_eq!(signs(&keys, &clock), first);

    clock.advance(MINUTE * 10);
    assert_eq!(signs(&keys, &clock), second);
    assert_eq!(states(&store).await, [KeyState::Active, KeyState::Retiring]);
    // Its last token lives for a day at most.
    clock.advance(DAY);
    store.maintain().await.unwrap();
    assert_eq!(states(&store).await, [KeyState::Active, KeyState::Retiring]);
    clock.advance(Duration::from_millis(1));
    assert_eq!(states(&store).await, [KeyState::Active, KeyState::Removed]);
    // Clocks may differ by two days.
    clock.advance(DAY * 2 - Duration::from_millis(1));
    store.maintain().await.unwrap();
    assert!(published(&first));
    clock.advance(Duration::from_millis(1));
    store.maintain().await.unwrap();
    assert!(!published(&first) && published(&second));
    let left = folder.count("SELECT count(*) FROM signing_keys WHERE sealed IS NOT NULL");
    assert_eq!(
        left.await,
        1,
        "the private part of a removed key is destroyed"
    );
}

#[tokio::test]
async fn retired_key_is_published_for_the_longest_lifetime_of_a_token() {
    let folder = TestFolder::new();
    let (store, clock, keys) = open(&folder).await;
    store.allow_lifetime(DAY * 3).await.unwrap();
    let first = signs(&keys, &clock);
    rotate(&store, MINUTE).await;
    clock.advance(MINUTE + DAY * 5);
    store.maintain().await.unwrap();
    assert!(keys.jwks().contains(&first));
    clock.advance(Duration::from_millis(1));
    store.maintain().await.unwrap();
    assert!(!keys.jwks().contains(&first));
}

#[tokio::test]
async fn rotation_is_rejected_while_a_key_is_pending() {
    let folder = TestFolder::new();
    let (store, clock, _ring) = open(&folder).await;
    rotate(&store, MINUTE).await;
    let early = store
        .rotate_signing_key(&operator(), "default", None, MINUTE)
        .await;
    assert!(matches!(early, Err(StoreError::RotationPending)));
    clock.advance(MINUTE);
    rotate(&store, MINUTE).await;
}

#[tokio::test]
async fn key_is_rotated_by_schedule() {
    let folder = TestFolder::new();
    let (store, clock, keys) = open(&folder).await;
    let (every, lead) = (DAY * 90, MINUTE * 60);
    let due = || async {
        let due = store
            .rotate_signing_key_when_due(&operator(), "default", every, lead)
            .await;
        due.unwrap().map(|key| key.kid)
    };
    let first = signs(&keys, &clock);
    assert_eq!(due().await, None);
    clock.advance(every - lead - Duration::from_millis(1));
    assert_eq!(due().await, None);
    clock.advance(Duration::from_millis(1));
    let second = due().await.unwrap();
    assert_eq!(due().await, None, "a key is pending");
    assert_eq!(signs(&keys, &clock), first);
    clock.advance(lead);
    assert_eq!(signs(&keys, &clock), second);
    assert_eq!(due().await, None);
}

#[tokio::test]
async fn key_of_another_process_is_published_after_one_poll() {
    let folder = TestFolder::new();
    let (here, clock, keys) = open(&folder).await;
    let there = folder.open().await;
    let created = rotate(&there, MINUTE).await.kid;
    assert!(!keys.jwks().contains(&created));
    here.catch_up().await.unwrap();
    assert!(keys.jwks().contains(&created));
    clock.advance(MINUTE);
    assert_eq!(signs(&keys, &clock), created);
}

#[tokio::test]
async fn revoked_key_is_removed_at_once_and_another_signs() {
    let folder = TestFolder::new();
    let (store, clock, keys) = open(&folder).await;
    let first = signs(&keys, &clock);
    let revoked = store
        .revoke_signing_key(&operator(), "default", &first)
        .await;
    assert_eq!(revoked.unwrap().state, KeyState::Revoked);
    assert!(!keys.jwks().contains(&first));
    let second = signs(&keys, &clock);
    assert_ne!(second, first);
    // Again, without effect.
    let again = store
        .revoke_signing_key(&operator(), "default", &first)
        .await;
    assert_eq!(again.unwrap().state, KeyState::Revoked);
    assert_eq!(signs(&keys, &clock), second);
    let unknown = store
        .revoke_signing_key(&operator(), "default", "unknown")
        .await;
    assert!(matches!(unknown, Err(StoreError::UnknownSigningKey)));
}

#[tokio::test]
async fn revocation_is_recorded_in_the_audit_log_with_the_successor() {
    let folder = TestFolder::new();
    let (store, clock, keys) = open(&folder).await;
    let record = || async {
        store
            .list_audit(&operator(), None, 1)
            .await
            .unwrap()
            .remove(0)
    };
    let revoke = async |kid: &str| {
        let revoked = store.revoke_signing_key(&operator(), "default", kid).await;
        clock.advance(Duration::from_millis(1));
        revoked.unwrap()
    };
    let first = signs(&keys, &clock);
    revoke(&first).await;
    let created = signs(&keys, &clock);
    assert_eq!(record().await.detail["kid"], *first);
    assert_eq!(record().await.detail["successor"], *created);

    let pending = rotate(&store, DAY).await.kid;
    revoke(&created).await;
    assert_eq!(record().await.detail["successor"], *pending);

    let idle = rotate(&store, DAY).await.kid;
    revoke(&idle).await;
    assert_eq!(record().await.detail["kid"], *idle);
    assert_eq!(
        record().await.detail.get("successor"),
        None,
        "it never signed"
    );
}

#[tokio::test]
async fn pending_key_signs_at_once_when_the_active_one_is_revoked() {
    let folder = TestFolder::new();
    let (store, clock, keys) = open(&folder).await;
    let first = signs(&keys, &clock);
    let pending = rotate(&store, DAY).await.kid;
    clock.advance(Duration::from_millis(1));
    store
        .revoke_signing_key(&operator(), "default", &first)
        .await
        .unwrap();
    assert_eq!(signs(&keys, &clock), pending);
    assert_eq!(states(&store).await, [KeyState::Active, KeyState::Revoked]);
}

#[tokio::test]
async fn algorithm_changes_between_key_pairs_and_never_to_hmac() {
    let folder = TestFolder::new();
    let (store, clock, keys) = open(&folder).await;
    let rotate = |algorithm| {
        let store = store.clone();
        async move {
            let (operator, lead) = (operator(), Duration::ZERO);
            store
                .rotate_signing_key(&operator, "default", Some(algorithm), lead)
                .await
        }
    };
    let created = rotate(Algorithm::Es256).await.unwrap();
    // Not in the same millisecond as the previous one.
    clock.advance(Duration::from_millis(1));
    assert_eq!(created.algorithm, Algorithm::Es256);
    assert_eq!(signs(&keys, &clock), created.kid);
    let mixed = rotate(Algorithm::Hs256).await;
    assert!(matches!(mixed, Err(StoreError::MixedAlgorithms)));
    assert_eq!(signs(&keys, &clock), created.kid);
}

#[tokio::test]
async fn published_keys_are_the_same_after_reopening() {
    let folder = TestFolder::new();
    let (store, clock, keys) = open(&folder).await;
    rotate(&store, MINUTE).await;
    let published = keys.jwks();
    store.close().await.unwrap();
    let (_store, _clock, again) = open(&folder).await;
    assert_eq!(*again.jwks(), *published);
    assert_eq!(signs(&again, &clock), signs(&keys, &clock));
}
