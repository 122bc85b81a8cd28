//! Wrong clocks: nothing that was revoked is accepted, no key is destroyed, and minting goes on.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::Directory as _;
use countersign::registry::backend::StoredSecret;
use countersign::registry::{Change, DeniedToken, Registry as _, Rotation};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{KeyState, SigningKeyRecord, Store, StoreError};

use crate::support::{ManualBootClock, REVOKE, TestFolder, new_key, operator};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const ISSUER: &str = "https://auth.example";

/// A machine, whose clock can be wrong.
struct Machine {
    folder: TestFolder,
    boot_clock: ManualBootClock,
}

impl Machine {
    fn new() -> Self {
        Self {
            folder: TestFolder::new(),
            boot_clock: ManualBootClock::default(),
        }
    }

    async fn open(&self, clock: &FixedClock) -> Store {
        let mut options = self.folder.options();
        options.clock = Arc::new(clock.clone());
        options.boot_clock = Arc::new(self.boot_clock.clone());
        Store::open(options).await.unwrap()
    }

    /// Runs a server for a while, and maintains its database.
    async fn run(&self, clock: &FixedClock, how_long: Duration) {
        let store = self.open(clock).await;
        store.maintain().await.unwrap();
        clock.advance(how_long);
        self.boot_clock.advance(how_long);
        store.maintain().await.unwrap();
        store.close().await.unwrap();
    }
}

/// A clock that shows the right time.
fn right() -> FixedClock {
    FixedClock::at(NOW)
}

fn ahead(by: Duration) -> FixedClock {
    FixedClock::at(NOW.plus(by))
}

fn behind(by: Duration) -> FixedClock {
    let by = i64::try_from(by.as_secs()).unwrap();
    FixedClock::at(Timestamp::from_unix_seconds(NOW.unix_seconds() - by))
}

/// Revokes and deletes a key, and denies a token that expires in an hour.
async fn revoke(store: &Store) -> (Id, Id) {
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let (id, token) = (created.record.id, Id::from_bytes([1; 20]));
    store.change(&operator(), id, REVOKE).await.unwrap();
    store.change(&operator(), id, Change::Delete).await.unwrap();
    let denied = DeniedToken {
        issuer: ISSUER.to_owned(),
        token,
        account: created.record.account_id,
        expires_at: NOW.plus(HOUR),
    };
    store.deny_token(&operator(), denied).await.unwrap();
    (id, token)
}

async fn rotate(store: &Store) -> Result<SigningKeyRecord, StoreError> {
    store
        .rotate_signing_key(&operator(), "default", None, HOUR)
        .await
}

#[tokio::test]
async fn starts_with_a_clock_that_is_ahead_revive_no_revoked_token() {
    let machine = Machine::new();
    let store = machine.open(&right()).await;
    let (id, token) = revoke(&store).await;
    store.close().await.unwrap();
    for by in [HOUR * 2, DAY * 3, DAY * 9, DAY * 3] {
        machine.run(&ahead(by), Duration::from_secs(900)).await;
    }
    let store = machine.open(&ahead(HOUR)).await;
    store.maintain().await.unwrap();
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
    assert!(store.directory().is_denied(ISSUER, &token));
}

#[tokio::test]
async fn two_machines_count_the_same_time_once() {
    let folder = TestFolder::new();
    let machine = |since_boot| {
        let boot_clock = ManualBootClock::default();
        boot_clock.advance(since_boot);
        Machine {
            folder: folder.clone(),
            boot_clock,
        }
    };
    let machines = [machine(DAY * 9), machine(HOUR)];
    let stores = [
        machines[0].open(&right()).await,
        machines[1].open(&right()).await,
    ];
    for _ in 0..4 {
        for (machine, store) in machines.iter().zip(&stores) {
            machine.boot_clock.advance(HOUR);
            store.maintain().await.unwrap();
        }
    }
    let uptime = folder.count("SELECT uptime FROM state").await;
    assert_eq!(uptime, 4 * 3_600_000);
}

#[tokio::test]
async fn clock_that_jumps_ahead_in_a_running_store_revives_no_revoked_token() {
    let machine = Machine::new();
    let clock = right();
    let store = machine.open(&clock).await;
    let (id, token) = revoke(&store).await;
    clock.advance(DAY * 9);
    for _ in 0..2 {
        machine.boot_clock.advance(Duration::from_secs(1800));
        store.maintain().await.unwrap();
    }
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
    assert!(store.directory().is_denied(ISSUER, &token));
}

#[tokio::test]
async fn token_whose_denial_was_deleted_has_expired_for_a_clock_a_day_behind() {
    let machine = Machine::new();
    let clock = right();
    let store = machine.open(&clock).await;
    let (_, token) = revoke(&store).await;
    while store.directory().is_denied(ISSUER, &token) {
        clock.advance(HOUR);
        machine.boot_clock.advance(HOUR);
        store.maintain().await.unwrap();
    }
    let expires_at = NOW.plus(HOUR);
    assert!(clock.now() > expires_at.plus(DAY).plus(HOUR));
}

#[tokio::test]
async fn denials_are_deleted_although_the_server_runs_for_hours_and_its_machine_restarts() {
    let machine = Machine::new();
    let store = machine.open(&right()).await;
    let (id, _) = revoke(&store).await;
    store.close().await.unwrap();
    let mut days = 0;
    while machine.folder.count("SELECT count(*) FROM denials").await > 0 {
        days += 1;
        assert!(days < 9, "they are never deleted");
        let restarted = Machine {
            folder: machine.folder.clone(),
            boot_clock: ManualBootClock::default(),
        };
        restarted.run(&ahead(DAY * days), HOUR * 8).await;
    }
    // A day of running, and the hour that is counted less.
    assert_eq!(days, 4);
    let store = machine.open(&ahead(DAY * days)).await;
    assert_eq!(store.directory().lowest_generation(&id), None);
}

#[tokio::test]
async fn deleted_denial_is_removed_from_the_views_of_all_processes() {
    let machine = Machine::new();
    let clock = right();
    let (here, there) = (machine.open(&clock).await, machine.open(&clock).await);
    let (id, token) = revoke(&here).await;
    there.catch_up().await.unwrap();
    assert!(there.directory().is_denied(ISSUER, &token));
    clock.advance(DAY * 4);
    machine.boot_clock.advance(DAY * 4);
    here.maintain().await.unwrap();
    there.catch_up().await.unwrap();
    for store in [here, there] {
        assert!(!store.directory().is_denied(ISSUER, &token));
        assert_eq!(store.directory().lowest_generation(&id), None);
    }
}

#[tokio::test]
async fn clock_that_is_ahead_destroys_no_signing_key() {
    let machine = Machine::new();
    let store = machine.open(&right()).await;
    let keys = store.signing_keys("default", None).await.unwrap();
    let first = keys.signing_at(NOW).unwrap().id().to_owned();
    rotate(&store).await.unwrap();
    store.close().await.unwrap();
    for by in [DAY * 3, DAY * 30] {
        machine.run(&ahead(by), HOUR).await;
    }
    let store = machine.open(&ahead(HOUR * 2)).await;
    let keys = store.signing_keys("default", None).await.unwrap();
    assert!(keys.jwks().contains(&first));
    let sealed = "SELECT count(*) FROM signing_keys WHERE sealed IS NOT NULL";
    assert_eq!(machine.folder.count(sealed).await, 2);
}

#[tokio::test]
async fn key_of_a_first_start_with_a_clock_that_is_ahead_signs_when_the_clock_is_right() {
    let machine = Machine::new();
    let wrong = ahead(HOUR * 2);
    let store = machine.open(&wrong).await;
    let keys = store.signing_keys("default", None).await.unwrap();
    let first = keys.signing_at(wrong.now()).unwrap().id().to_owned();
    store.close().await.unwrap();
    for _ in 0..3 {
        let store = machine.open(&right()).await;
        let keys = store.signing_keys("default", None).await.unwrap();
        assert_eq!(keys.signing_at(NOW).unwrap().id(), first);
        let listed = store.list_signing_keys("default").await.unwrap();
        assert_eq!(listed.len(), 1, "no restart adds a key");
        assert_eq!(listed[0].state, KeyState::Active);
        store.close().await.unwrap();
    }
    let store = machine.open(&right()).await;
    assert_eq!(rotate(&store).await.unwrap().state, KeyState::Pending);
}

#[tokio::test]
async fn minting_goes_on_when_the_clock_of_a_running_store_is_set_right() {
    let machine = Machine::new();
    let clock = ahead(HOUR * 2);
    let store = machine.open(&clock).await;
    let keys = store.signing_keys("default", None).await.unwrap();
    let first = keys.signing_at(clock.now()).unwrap().id().to_owned();
    rotate(&store).await.unwrap();
    assert!(store.is_ready());

    clock.set(NOW);
    assert!(!store.is_ready(), "no key signs");
    store.maintain().await.unwrap();
    assert!(store.is_ready());
    assert_eq!(keys.signing_at(NOW).unwrap().id(), first);
    let listed = store.list_signing_keys("default").await.unwrap();
    assert_eq!(
        [listed[0].state, listed[1].state],
        [KeyState::Pending, KeyState::Active]
    );
    // It is pending for as long as it would have been, from now on.
    assert_eq!(listed[0].activates_at, NOW.plus(HOUR));
    let again = rotate(&store).await;
    assert!(matches!(again, Err(StoreError::RotationPending)));
}

#[tokio::test]
async fn start_with_a_clock_that_is_behind_loses_no_signing_key() {
    let machine = Machine::new();
    let store = machine.open(&right()).await;
    let keys = store.signing_keys("default", None).await.unwrap();
    let first = keys.signing_at(NOW).unwrap().id().to_owned();
    store.close().await.unwrap();
    for clock in [behind(DAY), behind(HOUR * 2), ahead(HOUR)] {
        let store = machine.open(&clock).await;
        let keys = store.signing_keys("default", None).await.unwrap();
        assert_eq!(keys.signing_at(clock.now()).unwrap().id(), first);
        let listed = store.list_signing_keys("default").await.unwrap();
        assert_eq!(listed.len(), 1);
        store.maintain().await.unwrap();
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn token_that_is_revoked_while_the_clock_is_ahead_is_denied_until_it_expires() {
    let machine = Machine::new();
    let store = machine.open(&ahead(DAY * 3)).await;
    let (_, token) = revoke(&store).await;
    store.close().await.unwrap();
    machine
        .run(&ahead(DAY * 3), Duration::from_secs(1800))
        .await;
    let store = machine.open(&right()).await;
    store.maintain().await.unwrap();
    assert!(store.directory().is_denied(ISSUER, &token));
}

#[tokio::test]
async fn token_that_is_revoked_under_one_wrong_clock_stays_denied_under_another() {
    let machine = Machine::new();
    let store = machine.open(&ahead(HOUR * 23)).await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let token = Id::from_bytes([1; 20]);
    let denied = DeniedToken {
        issuer: ISSUER.to_owned(),
        token,
        account: created.record.account_id,
        expires_at: NOW.plus(DAY),
    };
    store.deny_token(&operator(), denied).await.unwrap();
    store.close().await.unwrap();
    // To the first clock, the token had an hour left; to the second one, it expired days ago.
    machine.run(&ahead(DAY * 4), HOUR * 3).await;
    let store = machine.open(&ahead(HOUR * 3)).await;
    store.maintain().await.unwrap();
    assert!(store.directory().is_denied(ISSUER, &token));
}

/// Rotates a key with a grace of a minute, and returns its id.
async fn rotate_with_grace(store: &Store) -> Id {
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let grace = Rotation::Grace(Duration::from_secs(60));
    let rotated = store.rotate(&operator(), created.record.id, grace).await;
    rotated.unwrap().record.id
}

/// Returns the end of the grace of a key, as requests see it.
fn grace(store: &Store, id: &Id) -> Option<Timestamp> {
    match store.directory().credential(id).unwrap().secret {
        StoredSecret::Key(digests) => digests.grace_until(),
        _ => None,
    }
}

#[tokio::test]
async fn clock_that_is_set_back_after_a_grace_makes_the_previous_secret_no_longer_valid() {
    let machine = Machine::new();
    let clock = right();
    let (here, there) = (machine.open(&clock).await, machine.open(&clock).await);
    let id = rotate_with_grace(&here).await;
    there.catch_up().await.unwrap();
    here.change(&operator(), id, Change::Suspend).await.unwrap();
    for _ in 0..2 {
        clock.advance(Duration::from_secs(300));
        machine.boot_clock.advance(Duration::from_secs(300));
        here.maintain().await.unwrap();
    }
    clock.set(NOW);
    there.catch_up().await.unwrap();
    for store in [&here, &there] {
        assert_eq!(grace(store, &id), None);
    }
    assert_eq!(here.show(&operator(), id).await.unwrap().grace_until, None);
}

#[tokio::test]
async fn grace_under_a_clock_that_is_behind_ends_after_its_time() {
    let machine = Machine::new();
    let clock = right();
    let store = machine.open(&clock).await;
    let id = rotate_with_grace(&store).await;
    clock.set(behind(DAY).now());
    machine.boot_clock.advance(HOUR);
    store.maintain().await.unwrap();
    assert!(grace(&store, &id).is_some(), "within the margin");
    machine.boot_clock.advance(HOUR);
    store.maintain().await.unwrap();
    assert_eq!(grace(&store, &id), None);
}

#[tokio::test]
async fn clock_that_jumps_ahead_ends_no_grace_before_its_time() {
    let machine = Machine::new();
    let clock = right();
    let store = machine.open(&clock).await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let id = created.record.id;
    let grace_of_an_hour = Rotation::Grace(HOUR);
    store
        .rotate(&operator(), id, grace_of_an_hour)
        .await
        .unwrap();
    clock.advance(DAY * 9);
    machine.boot_clock.advance(Duration::from_secs(900));
    store.maintain().await.unwrap();
    assert_eq!(grace(&store, &id), Some(NOW.plus(HOUR)));
}
