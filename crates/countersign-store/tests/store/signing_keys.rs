//! Signing keys follow one another: by their dates alone, and without a rejected token.

use std::sync::Arc;
use std::time::Duration;

use countersign::jose::{Algorithm, SigningKeys};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{KeyState, SigningKeyRecord, Store, StoreError};

use crate::support::{NeverSet, Place, me};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn open(place: &Place) -> (Store, FixedClock, SigningKeys) {
    let clock = FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let mut options = place.options();
    options.clock = Arc::new(clock.clone());
    options.since_boot = Arc::new(NeverSet(clock.clone()));
    let store = Store::open(options).await.unwrap();
    let ring = store.signing_keys("default", None).await.unwrap();
    (store, clock, ring)
}

async fn rotate(store: &Store, lead: Duration) -> SigningKeyRecord {
    store
        .rotate_signing_key(&me(), "default", None, lead)
        .await
        .unwrap()
}

async fn states(store: &Store) -> Vec<KeyState> {
    let keys = store.list_signing_keys("default").await.unwrap();
    keys.iter().map(|key| key.state).collect()
}

fn signs(ring: &SigningKeys, clock: &FixedClock) -> String {
    ring.signing_at(clock.now()).unwrap().id().to_owned()
}

#[tokio::test]
async fn key_is_published_before_it_signs_and_after_it_has_stopped() {
    let place = Place::new();
    let (store, clock, ring) = open(&place).await;
    let first = signs(&ring, &clock);
    let second = rotate(&store, MINUTE * 10).await.kid;
    let published = |kid: &str| ring.jwks().contains(kid);
    assert!(published(&first) && published(&second));
    assert_eq!(states(&store).await, [KeyState::Pending, KeyState::Active]);
    assert_eq!(signs(&ring, &clock), first);

    clock.advance(MINUTE * 10);
    assert_eq!(signs(&ring, &clock), second);
    assert_eq!(states(&store).await, [KeyState::Active, KeyState::Retiring]);
    // What it signed last lives a day at most.
    clock.advance(DAY);
    store.upkeep().await.unwrap();
    assert!(published(&first));
    clock.advance(Duration::from_millis(1));
    store.upkeep().await.unwrap();
    assert!(!published(&first) && published(&second));
    assert_eq!(states(&store).await, [KeyState::Active, KeyState::Removed]);
    let left = place.count("SELECT count(*) FROM signing_keys WHERE sealed IS NOT NULL");
    assert_eq!(
        left.await,
        1,
        "the private part of a removed key is destroyed"
    );
}

#[tokio::test]
async fn key_that_has_stopped_is_published_as_long_as_any_token_may_live() {
    let place = Place::new();
    let (store, clock, ring) = open(&place).await;
    store.allow_lifetime(DAY * 3).await.unwrap();
    let first = signs(&ring, &clock);
    rotate(&store, MINUTE).await;
    clock.advance(MINUTE + DAY * 3);
    store.upkeep().await.unwrap();
    assert!(ring.jwks().contains(&first));
    clock.advance(Duration::from_millis(1));
    store.upkeep().await.unwrap();
    assert!(!ring.jwks().contains(&first));
}

#[tokio::test]
async fn rotation_waits_for_the_one_before_it_to_sign() {
    let place = Place::new();
    let (store, clock, _ring) = open(&place).await;
    rotate(&store, MINUTE).await;
    let early = store
        .rotate_signing_key(&me(), "default", None, MINUTE)
        .await;
    assert!(matches!(early, Err(StoreError::RotationPending)));
    clock.advance(MINUTE);
    rotate(&store, MINUTE).await;
}

#[tokio::test]
async fn key_is_rotated_by_schedule_so_that_none_signs_longer() {
    let place = Place::new();
    let (store, clock, ring) = open(&place).await;
    let (every, lead) = (DAY * 90, MINUTE * 60);
    let due = || async {
        let due = store
            .rotate_signing_key_when_due(&me(), "default", every, lead)
            .await;
        due.unwrap().map(|key| key.kid)
    };
    let first = signs(&ring, &clock);
    assert_eq!(due().await, None);
    clock.advance(every - lead - Duration::from_millis(1));
    assert_eq!(due().await, None);
    clock.advance(Duration::from_millis(1));
    let second = due().await.unwrap();
    assert_eq!(due().await, None, "one is pending");
    assert_eq!(signs(&ring, &clock), first);
    clock.advance(lead);
    assert_eq!(signs(&ring, &clock), second);
    assert_eq!(due().await, None);
}

#[tokio::test]
async fn key_of_another_process_is_in_the_ring_after_one_poll() {
    let place = Place::new();
    let (here, clock, ring) = open(&place).await;
    let there = place.open().await;
    let made = rotate(&there, MINUTE).await.kid;
    assert!(!ring.jwks().contains(&made));
    here.catch_up().await.unwrap();
    assert!(ring.jwks().contains(&made));
    clock.advance(MINUTE);
    assert_eq!(signs(&ring, &clock), made);
}

#[tokio::test]
async fn revoked_key_is_gone_at_once_and_another_signs() {
    let place = Place::new();
    let (store, clock, ring) = open(&place).await;
    let first = signs(&ring, &clock);
    let revoked = store.revoke_signing_key(&me(), "default", &first).await;
    assert_eq!(revoked.unwrap().state, KeyState::Revoked);
    assert!(!ring.jwks().contains(&first));
    let second = signs(&ring, &clock);
    assert_ne!(second, first);
    // Again: it is so already.
    let again = store.revoke_signing_key(&me(), "default", &first).await;
    assert_eq!(again.unwrap().state, KeyState::Revoked);
    assert_eq!(signs(&ring, &clock), second);
    let unknown = store.revoke_signing_key(&me(), "default", "nobody").await;
    assert!(matches!(unknown, Err(StoreError::UnknownSigningKey)));
}

#[tokio::test]
async fn revocation_is_on_record_with_the_key_that_signs_instead() {
    let place = Place::new();
    let (store, clock, ring) = open(&place).await;
    let told = || async { store.list_audit(&me(), None, 1).await.unwrap().remove(0) };
    let revoke = async |kid: &str| {
        let revoked = store.revoke_signing_key(&me(), "default", kid).await;
        clock.advance(Duration::from_millis(1));
        revoked.unwrap()
    };
    let first = signs(&ring, &clock);
    revoke(&first).await;
    let made = signs(&ring, &clock);
    assert_eq!(told().await.detail["kid"], *first);
    assert_eq!(told().await.detail["successor"], *made);

    let pending = rotate(&store, DAY).await.kid;
    revoke(&made).await;
    assert_eq!(told().await.detail["successor"], *pending);

    let idle = rotate(&store, DAY).await.kid;
    revoke(&idle).await;
    assert_eq!(told().await.detail["kid"], *idle);
    assert_eq!(
        told().await.detail.get("successor"),
        None,
        "it never signed"
    );
}

#[tokio::test]
async fn pending_key_signs_at_once_when_the_active_one_is_revoked() {
    let place = Place::new();
    let (store, clock, ring) = open(&place).await;
    let first = signs(&ring, &clock);
    let pending = rotate(&store, DAY).await.kid;
    clock.advance(Duration::from_millis(1));
    store
        .revoke_signing_key(&me(), "default", &first)
        .await
        .unwrap();
    assert_eq!(signs(&ring, &clock), pending);
    assert_eq!(states(&store).await, [KeyState::Active, KeyState::Revoked]);
}

#[tokio::test]
async fn algorithm_changes_between_key_pairs_and_never_to_hmac() {
    let place = Place::new();
    let (store, clock, ring) = open(&place).await;
    let rotate = |algorithm| {
        let store = store.clone();
        async move {
            let (me, lead) = (me(), Duration::ZERO);
            store
                .rotate_signing_key(&me, "default", Some(algorithm), lead)
                .await
        }
    };
    let made = rotate(Algorithm::Es256).await.unwrap();
    // Not in the same millisecond as the one before it.
    clock.advance(Duration::from_millis(1));
    assert_eq!(made.algorithm, Algorithm::Es256);
    assert_eq!(signs(&ring, &clock), made.kid);
    let mixed = rotate(Algorithm::Hs256).await;
    assert!(matches!(mixed, Err(StoreError::MixedAlgorithms)));
    assert_eq!(signs(&ring, &clock), made.kid);
}

#[tokio::test]
async fn ring_is_the_same_after_the_next_start() {
    let place = Place::new();
    let (store, clock, ring) = open(&place).await;
    rotate(&store, MINUTE).await;
    let published = ring.jwks();
    store.close().await.unwrap();
    let (_store, _clock, again) = open(&place).await;
    assert_eq!(*again.jwks(), *published);
    assert_eq!(signs(&again, &clock), signs(&ring, &clock));
}
