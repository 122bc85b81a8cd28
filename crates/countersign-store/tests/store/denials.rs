//! What is denied, for how long, and what a process knows that holds nothing else.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Directory as _, StaleView};
use countersign::registry::{Change, DeniedToken, Registry as _, RegistryError};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, ViewContents};

use crate::support::{NeverSet, Place, REVOKE, Uptime, key, me};

const DAY: Duration = Duration::from_secs(24 * 3600);
const ISSUER: &str = "https://auth.example";

async fn holding(place: &Place, holds: ViewContents, clock: &FixedClock) -> Store {
    let mut options = place.options();
    options.holds = holds;
    options.clock = Arc::new(clock.clone());
    options.since_boot = Arc::new(NeverSet(clock.clone()));
    Store::open(options).await.unwrap()
}

fn clock() -> FixedClock {
    FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000))
}

fn denied(token: Id, account: Id, clock: &FixedClock) -> DeniedToken {
    DeniedToken {
        issuer: ISSUER.to_owned(),
        token,
        account,
        expires_at: clock.now().plus(Duration::from_secs(3600)),
    }
}

#[tokio::test]
async fn tokens_of_what_was_deleted_are_denied_at_once_and_after_the_next_start() {
    let place = Place::new();
    let store = place.open().await;
    let id = store.create_key(&me(), key("ci")).await.unwrap().record.id;
    store.change(&me(), id, REVOKE).await.unwrap();
    store.change(&me(), id, Change::Delete).await.unwrap();
    let view = store.directory();
    assert!(view.credential(&id).is_none());
    assert_eq!(view.lowest_generation(&id), Some(2));
    let shown = store.show(&me(), id).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
    store.close().await.unwrap();
    let view = place.open().await.directory();
    assert!(view.credential(&id).is_none());
    assert_eq!(view.lowest_generation(&id), Some(2));
}

#[tokio::test]
async fn deletion_by_another_process_is_seen_with_its_denial() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let id = here.create_key(&me(), key("ci")).await.unwrap().record.id;
    there.catch_up().await.unwrap();
    here.change(&me(), id, REVOKE).await.unwrap();
    here.change(&me(), id, Change::Delete).await.unwrap();
    there.catch_up().await.unwrap();
    assert!(there.directory().credential(&id).is_none());
    assert_eq!(there.directory().lowest_generation(&id), Some(2));
}

#[tokio::test]
async fn single_token_denied_at_once_elsewhere_after_one_poll_and_after_the_next_start() {
    let place = Place::new();
    let clock = clock();
    let here = holding(&place, ViewContents::Everything, &clock).await;
    let there = holding(&place, ViewContents::Denials, &clock).await;
    let account = here
        .create_key(&me(), key("ci"))
        .await
        .unwrap()
        .record
        .account_id;
    let (token, other) = (Id::from_bytes([1; 20]), Id::from_bytes([2; 20]));
    let deny = denied(token, account, &clock);
    here.deny_token(&me(), deny).await.unwrap();
    there.catch_up().await.unwrap();
    let later = holding(&place, ViewContents::Denials, &clock).await;
    for store in [here, there, later] {
        let view = store.directory();
        assert!(view.is_denied(ISSUER, &token));
        assert!(!view.is_denied(ISSUER, &other));
        assert!(!view.is_denied("https://other.example", &token));
    }
}

#[tokio::test]
async fn process_that_holds_denials_alone_knows_no_key_and_refuses_what_was_revoked() {
    let place = Place::new();
    let clock = clock();
    let registry = holding(&place, ViewContents::Everything, &clock).await;
    let good = registry
        .create_key(&me(), key("good"))
        .await
        .unwrap()
        .record;
    let bad = registry.create_key(&me(), key("bad")).await.unwrap().record;
    let before = holding(&place, ViewContents::Denials, &clock).await;
    registry
        .change(&me(), bad.id, Change::Suspend)
        .await
        .unwrap();
    before.catch_up().await.unwrap();
    let after = holding(&place, ViewContents::Denials, &clock).await;
    for store in [before, after] {
        let view = store.directory();
        assert!(view.credential(&good.id).is_none());
        assert!(view.credential(&bad.id).is_none());
        assert_eq!(view.lowest_generation(&good.id), None);
        assert_eq!(view.lowest_generation(&bad.id), Some(2));
        assert_ne!(view.check_freshness(), Err(StaleView));
    }
}

#[tokio::test]
async fn account_revoked_denies_its_tokens_where_denials_alone_are_held() {
    let place = Place::new();
    let clock = clock();
    let registry = holding(&place, ViewContents::Everything, &clock).await;
    let verifier = holding(&place, ViewContents::Denials, &clock).await;
    let account = registry
        .create_account(&me(), "b".to_owned())
        .await
        .unwrap();
    registry.revoke_account(&me(), account.id).await.unwrap();
    verifier.catch_up().await.unwrap();
    assert_eq!(verifier.directory().lowest_generation(&account.id), Some(2));
}

#[tokio::test]
async fn denials_are_forgotten_a_day_after_the_last_token_has_expired_and_not_before() {
    let place = Place::new();
    let clock = clock();
    let store = holding(&place, ViewContents::Everything, &clock).await;
    let made = store.create_key(&me(), key("ci")).await.unwrap().record;
    store.change(&me(), made.id, REVOKE).await.unwrap();
    store.change(&me(), made.id, Change::Delete).await.unwrap();
    // A token may live a day from here, and clocks may differ by another.
    clock.advance(DAY * 2);
    store.upkeep().await.unwrap();
    let view = store.directory();
    assert_eq!(view.lowest_generation(&made.id), Some(2));
    clock.advance(Duration::from_millis(1));
    store.upkeep().await.unwrap();
    assert_eq!(view.lowest_generation(&made.id), None);
    let later = holding(&place, ViewContents::Everything, &clock).await;
    assert_eq!(later.directory().lowest_generation(&made.id), None);
}

/// A key that was revoked and deleted: only its denial is left.
async fn buried(store: &Store) -> Id {
    let id = store.create_key(&me(), key("ci")).await.unwrap().record.id;
    store.change(&me(), id, REVOKE).await.unwrap();
    store.change(&me(), id, Change::Delete).await.unwrap();
    id
}

#[tokio::test]
async fn command_whose_clock_is_ahead_forgets_no_denial() {
    let place = Place::new();
    let clock = clock();
    let store = holding(&place, ViewContents::Everything, &clock).await;
    let id = buried(&store).await;
    store.close().await.unwrap();
    let denials = || place.count("SELECT count(*) FROM denied_entities");
    assert_eq!(denials().await, 1);
    let ahead = FixedClock::at(clock.now().plus(DAY * 3));
    let command = holding(&place, ViewContents::Everything, &ahead).await;
    command.close().await.unwrap();
    assert_eq!(denials().await, 1);
    let store = holding(&place, ViewContents::Everything, &clock).await;
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
}

#[tokio::test]
async fn clock_set_forward_while_the_store_is_open_forgets_no_denial() {
    let place = Place::new();
    let (clock, uptime) = (clock(), Uptime::default());
    let mut options = place.options();
    options.clock = Arc::new(clock.clone());
    options.since_boot = Arc::new(uptime.clone());
    let store = Store::open(options).await.unwrap();
    let id = buried(&store).await;
    let denials = || place.count("SELECT count(*) FROM denied_entities");
    clock.advance(DAY * 3);
    for _ in 0..2 {
        store.upkeep().await.unwrap();
        assert_eq!(denials().await, 1);
        assert_eq!(store.directory().lowest_generation(&id), Some(2));
        uptime.advance(Duration::from_secs(3600));
    }
    // Until so much time has passed indeed.
    uptime.advance(DAY * 2);
    store.upkeep().await.unwrap();
    assert_eq!(denials().await, 0);
    assert_eq!(store.directory().lowest_generation(&id), None);
}

#[tokio::test]
async fn denials_are_kept_as_long_as_the_largest_lifetime_that_was_ever_allowed() {
    let place = Place::new();
    let clock = clock();
    let store = holding(&place, ViewContents::Everything, &clock).await;
    store.allow_lifetime(DAY * 30).await.unwrap();
    store.allow_lifetime(DAY).await.unwrap();
    let made = store.create_key(&me(), key("ci")).await.unwrap().record;
    store.change(&me(), made.id, REVOKE).await.unwrap();
    store.change(&me(), made.id, Change::Delete).await.unwrap();
    clock.advance(DAY * 31);
    store.upkeep().await.unwrap();
    assert_eq!(store.directory().lowest_generation(&made.id), Some(2));
}

#[tokio::test]
async fn history_that_is_gone_is_made_up_for_by_reading_everything() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let kept = here.create_key(&me(), key("kept")).await.unwrap().record.id;
    let gone = here.create_key(&me(), key("gone")).await.unwrap().record.id;
    there.catch_up().await.unwrap();
    here.change(&me(), gone, REVOKE).await.unwrap();
    here.change(&me(), gone, Change::Delete).await.unwrap();
    here.change(&me(), kept, Change::Suspend).await.unwrap();
    // As if the log had been cut here, a hundred thousand changes later.
    place
        .execute("DELETE FROM changes; UPDATE state SET oldest_change = 6")
        .await;
    there.catch_up().await.unwrap();
    let view = there.directory();
    assert_eq!(view.credential(&kept).unwrap().generation, 2);
    assert!(view.credential(&gone).is_none());
    assert_eq!(view.lowest_generation(&gone), Some(2));
}

#[tokio::test]
async fn change_log_keeps_its_last_hundred_thousand_and_stays_dense() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let id = here.create_key(&me(), key("ci")).await.unwrap().record.id;
    // A long life, in one go.
    place
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100009)
             INSERT INTO changes SELECT i, 'credential', entity FROM n, changes WHERE number = 1;
             UPDATE change_head SET number = 100009",
        )
        .await;
    here.upkeep().await.unwrap();
    let count = place.count("SELECT count(*) FROM changes").await;
    let first = place.count("SELECT min(number) FROM changes").await;
    let oldest = place.count("SELECT oldest_change FROM state").await;
    assert_eq!((count, first, oldest), (100_000, 10, 10));
    // Whoever had read the ninth lacks nothing, whoever had read less reads everything.
    there.change(&me(), id, Change::Suspend).await.unwrap();
    for store in [here, there] {
        store.catch_up().await.unwrap();
        assert_eq!(store.directory().lowest_generation(&id), Some(2));
    }
}

#[tokio::test]
async fn denial_counts_more_than_the_record_of_an_older_backup() {
    let place = Place::new();
    let store = place.open().await;
    let id = store.create_key(&me(), key("ci")).await.unwrap().record.id;
    store.change(&me(), id, Change::Suspend).await.unwrap();
    // As if only the record came from a backup.
    place
        .execute(
            "UPDATE credentials SET status = 'active', generation = 1;
             UPDATE state SET epoch = randomblob(20)",
        )
        .await;
    store.catch_up().await.unwrap();
    assert_eq!(store.directory().lowest_generation(&id), Some(2));
}

#[tokio::test]
async fn another_history_is_read_from_its_beginning() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let id = here.create_key(&me(), key("ci")).await.unwrap().record.id;
    there.catch_up().await.unwrap();
    // What a restored backup looks like: other records, another epoch, and the same numbers.
    place
        .execute(
            "UPDATE credentials SET status = 'suspended', generation = 9;
             UPDATE state SET epoch = randomblob(20)",
        )
        .await;
    there.catch_up().await.unwrap();
    assert_eq!(there.directory().credential(&id).unwrap().generation, 9);
}
