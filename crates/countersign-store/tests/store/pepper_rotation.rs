//! Digests under a new pepper.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::credentials::{Credentials, RequestHead};
use countersign::mechanism::{ApiKeys, Mechanism as _, Outcome};
use countersign::registry::{CreatedKey, Registry as _, Rotation};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, StoreOptions};

use crate::support::{Place, key, me};

/// A place whose processes have one clock.
struct Scene {
    place: Place,
    clock: FixedClock,
}

impl Scene {
    fn new() -> Self {
        Self {
            place: Place::new(),
            clock: FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)),
        }
    }

    fn options(&self) -> StoreOptions {
        let mut options = self.place.options();
        options.clock = Arc::new(self.clock.clone());
        options
    }

    async fn open(&self) -> Store {
        Store::open(self.options()).await.unwrap()
    }

    /// What comes of presenting a key, as servers judge it.
    fn is_accepted(&self, store: &Store, key: &CreatedKey) -> bool {
        let keys = ApiKeys::new(store.directory(), store.peppers());
        let presented = Credentials::key(key.issued.key.clone());
        let judged = keys.try_authenticate(&presented, &RequestHead::empty(), self.clock.now());
        let accepted = matches!(&judged, Some(Outcome::Accepted(_)));
        let refused = matches!(&judged, Some(Outcome::Rejected(_)));
        assert!(accepted || refused, "{judged:?}");
        accepted
    }

    /// Which pepper the key's digest was made with.
    async fn pepper_of(&self, id: &Id) -> u32 {
        let mut connection = self.place.intrude().await;
        sqlx::query_scalar("SELECT pepper_version FROM credentials WHERE id = ?")
            .bind(id.as_bytes().as_slice())
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    async fn peppers(&self) -> Vec<u32> {
        let mut connection = self.place.intrude().await;
        sqlx::query_scalar("SELECT version FROM peppers ORDER BY version")
            .fetch_all(&mut connection)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn key_used_after_a_rotation_is_kept_under_the_new_pepper_after_an_upkeep() {
    let scene = Scene::new();
    let store = scene.open().await;
    let used = store.create_key(&me(), key("used")).await.unwrap();
    let unused = store.create_key(&me(), key("unused")).await.unwrap();
    assert_eq!(store.rotate_pepper(&me()).await.unwrap(), 2);
    assert!(scene.is_accepted(&store, &used));
    store.upkeep().await.unwrap();
    assert_eq!(scene.pepper_of(&used.record.id).await, 2);
    assert_eq!(scene.pepper_of(&unused.record.id).await, 1);
    for key in [&used, &unused] {
        assert!(scene.is_accepted(&store, key));
    }
    let made = store.create_key(&me(), key("new")).await.unwrap();
    assert_eq!(scene.pepper_of(&made.record.id).await, 2);
}

#[tokio::test]
async fn wrong_secret_never_makes_a_digest_anew() {
    let scene = Scene::new();
    let store = scene.open().await;
    let old = store.create_key(&me(), key("ci")).await.unwrap();
    let id = old.record.id;
    let now = Rotation::Grace(Duration::ZERO);
    store.rotate(&me(), id, now).await.unwrap();
    store.rotate_pepper(&me()).await.unwrap();
    assert!(!scene.is_accepted(&store, &old));
    store.upkeep().await.unwrap();
    assert_eq!(scene.pepper_of(&id).await, 1);
}

#[tokio::test]
async fn key_within_the_grace_of_its_rotation_keeps_both_digests_until_the_grace_ends() {
    let scene = Scene::new();
    let store = scene.open().await;
    let old = store.create_key(&me(), key("ci")).await.unwrap();
    let id = old.record.id;
    let grace = Rotation::Grace(Duration::from_secs(60));
    let new = store.rotate(&me(), id, grace).await.unwrap();
    store.rotate_pepper(&me()).await.unwrap();
    for key in [&new, &old] {
        assert!(scene.is_accepted(&store, key));
    }
    store.upkeep().await.unwrap();
    assert_eq!(scene.pepper_of(&id).await, 1);
    for key in [&old, &new] {
        assert!(scene.is_accepted(&store, key));
    }

    scene.clock.advance(Duration::from_secs(60));
    assert!(!scene.is_accepted(&store, &old));
    assert!(scene.is_accepted(&store, &new));
    store.upkeep().await.unwrap();
    assert_eq!(scene.pepper_of(&id).await, 2);
    assert!(scene.is_accepted(&store, &new));
    assert!(!scene.is_accepted(&store, &old));
}

#[tokio::test]
async fn rotation_of_the_key_between_its_use_and_the_upkeep_is_not_undone() {
    for rotation in [
        Rotation::Grace(Duration::ZERO),
        Rotation::Grace(Duration::from_secs(60)),
        Rotation::Compromised,
    ] {
        let scene = Scene::new();
        let (server, other) = (scene.open().await, scene.open().await);
        let old = server.create_key(&me(), key("ci")).await.unwrap();
        other.rotate_pepper(&me()).await.unwrap();
        server.catch_up().await.unwrap();
        assert!(scene.is_accepted(&server, &old));
        let new = other.rotate(&me(), old.record.id, rotation).await.unwrap();
        server.upkeep().await.unwrap();
        let in_grace = rotation == Rotation::Grace(Duration::from_secs(60));
        for store in [&server, &other] {
            store.catch_up().await.unwrap();
            assert!(scene.is_accepted(store, &new), "{rotation:?}");
            assert_eq!(scene.is_accepted(store, &old), in_grace, "{rotation:?}");
        }
    }
}

#[tokio::test]
async fn rotation_of_the_key_whose_grace_has_ended_before_the_upkeep_is_not_undone() {
    let scene = Scene::new();
    let (server, other) = (scene.open().await, scene.open().await);
    let old = server.create_key(&me(), key("ci")).await.unwrap();
    other.rotate_pepper(&me()).await.unwrap();
    server.catch_up().await.unwrap();
    assert!(scene.is_accepted(&server, &old));
    let grace = Rotation::Grace(Duration::from_secs(60));
    let new = other.rotate(&me(), old.record.id, grace).await.unwrap();
    // Pepper and status are what they were when the old secret was used: its digest alone is not.
    scene.clock.advance(Duration::from_secs(61));
    server.upkeep().await.unwrap();
    server.catch_up().await.unwrap();
    assert!(scene.is_accepted(&server, &new));
    assert!(!scene.is_accepted(&server, &old));
}

#[tokio::test]
async fn process_that_does_not_know_of_the_rotation_yet_goes_on_and_then_takes_it_over() {
    let scene = Scene::new();
    let (here, there) = (scene.open().await, scene.open().await);
    here.rotate_pepper(&me()).await.unwrap();
    // Made by a process that knows the first pepper alone, which must be there still.
    let made = there.create_key(&me(), key("ci")).await.unwrap();
    assert_eq!(scene.pepper_of(&made.record.id).await, 1);
    here.catch_up().await.unwrap();
    for store in [&here, &there] {
        assert!(scene.is_accepted(store, &made));
    }
    here.upkeep().await.unwrap();
    there.catch_up().await.unwrap();
    assert_eq!(scene.pepper_of(&made.record.id).await, 2);
    assert!(scene.is_accepted(&there, &made));
}

#[tokio::test]
async fn pepper_is_forgotten_when_no_key_remembers_it_and_not_before() {
    let scene = Scene::new();
    let store = scene.open().await;
    let made = store.create_key(&me(), key("ci")).await.unwrap();
    store.rotate_pepper(&me()).await.unwrap();
    store.rotate_pepper(&me()).await.unwrap();
    assert_eq!(scene.peppers().await, [1, 2, 3]);
    assert!(scene.is_accepted(&store, &made));
    store.upkeep().await.unwrap();
    store.rotate_pepper(&me()).await.unwrap();
    assert_eq!(scene.peppers().await, [3, 4]);
    assert!(scene.is_accepted(&store, &made));
    store.close().await.unwrap();
    assert!(scene.is_accepted(&scene.open().await, &made));
}

#[tokio::test]
async fn rotation_is_in_the_audit_without_a_secret() {
    let scene = Scene::new();
    let store = scene.open().await;
    store.rotate_pepper(&me()).await.unwrap();
    let [told] = &store.list_audit(&me(), None, 9).await.unwrap()[..] else {
        panic!("one record");
    };
    assert_eq!((&*told.actor, &*told.action), ("test", "pepper.rotate"));
    let detail = serde_json::Value::from(told.detail.clone());
    assert_eq!(detail, serde_json::json!({"version": 2, "forgotten": []}));
}
