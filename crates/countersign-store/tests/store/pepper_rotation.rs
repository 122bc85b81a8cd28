//! Digests after a rotation of the pepper.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::credentials::{Credentials, RequestHead};
use countersign::mechanism::{Mechanism as _, Outcome};
use countersign::registry::{CreatedKey, Registry as _, Rotation};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, StoreOptions};

use crate::support::{TestFolder, new_key, operator};

/// A database whose processes share one clock.
struct Scene {
    folder: TestFolder,
    clock: FixedClock,
}

impl Scene {
    fn new() -> Self {
        Self {
            folder: TestFolder::sqlite(),
            clock: FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)),
        }
    }

    fn options(&self) -> StoreOptions {
        let mut options = self.folder.options();
        options.clock = Arc::new(self.clock.clone());
        options
    }

    async fn open(&self) -> Store {
        Store::open(self.options()).await.unwrap()
    }

    /// Returns whether a key is accepted, with the mechanism that servers use.
    fn is_accepted(&self, store: &Store, key: &CreatedKey) -> bool {
        let keys = store.api_keys();
        let presented = Credentials::key(key.issued.key.clone());
        let authenticated =
            keys.try_authenticate(&presented, &RequestHead::empty(), self.clock.now());
        let accepted = matches!(&authenticated, Some(Outcome::Accepted(_)));
        let rejected = matches!(&authenticated, Some(Outcome::Rejected(_)));
        assert!(accepted || rejected, "{authenticated:?}");
        accepted
    }

    /// Returns the version of the pepper of a key's digest.
    async fn pepper_of(&self, id: &Id) -> u32 {
        let mut connection = self.folder.connect().await;
        sqlx::query_scalar("SELECT pepper_version FROM credentials WHERE id = ?")
            .bind(id.as_bytes().as_slice())
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    async fn peppers(&self) -> Vec<u32> {
        let mut connection = self.folder.connect().await;
        sqlx::query_scalar("SELECT version FROM peppers ORDER BY version")
            .fetch_all(&mut connection)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn digest_of_a_key_that_is_used_after_a_rotation_gets_the_new_pepper_at_the_next_maintenance()
{
    let scene = Scene::new();
    let store = scene.open().await;
    let used = store
        .create_key(&operator(), new_key("used"))
        .await
        .unwrap();
    let unused = store
        .create_key(&operator(), new_key("unused"))
        .await
        .unwrap();
    assert_eq!(store.rotate_pepper(&operator()).await.unwrap(), 2);
    assert!(scene.is_accepted(&store, &used));
    store.maintain().await.unwrap();
    assert_eq!(scene.pepper_of(&used.record.id).await, 2);
    assert_eq!(scene.pepper_of(&unused.record.id).await, 1);
    for key in [&used, &unused] {
        assert!(scene.is_accepted(&store, key));
    }
    let created = store.create_key(&operator(), new_key("new")).await.unwrap();
    assert_eq!(scene.pepper_of(&created.record.id).await, 2);
}

#[tokio::test]
async fn wrong_secret_never_replaces_a_digest() {
    let scene = Scene::new();
    let store = scene.open().await;
    let old = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let id = old.record.id;
    let now = Rotation::Grace(Duration::ZERO);
    store.rotate(&operator(), id, now).await.unwrap();
    store.rotate_pepper(&operator()).await.unwrap();
    assert!(!scene.is_accepted(&store, &old));
    store.maintain().await.unwrap();
    assert_eq!(scene.pepper_of(&id).await, 1);
}

#[tokio::test]
async fn key_within_the_grace_of_its_rotation_keeps_both_digests_until_the_grace_ends() {
    let scene = Scene::new();
    let store = scene.open().await;
    let old = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let id = old.record.id;
    let grace = Rotation::Grace(Duration::from_secs(60));
    let new = store.rotate(&operator(), id, grace).await.unwrap();
    store.rotate_pepper(&operator()).await.unwrap();
    for key in [&new, &old] {
        assert!(scene.is_accepted(&store, key));
    }
    store.maintain().await.unwrap();
    assert_eq!(scene.pepper_of(&id).await, 1);
    for key in [&old, &new] {
        assert!(scene.is_accepted(&store, key));
    }

    scene.clock.advance(Duration::from_secs(60));
    assert!(!scene.is_accepted(&store, &old));
    assert!(scene.is_accepted(&store, &new));
    store.maintain().await.unwrap();
    assert_eq!(scene.pepper_of(&id).await, 2);
    assert!(scene.is_accepted(&store, &new));
    assert!(!scene.is_accepted(&store, &old));
}

#[tokio::test]
async fn key_rotation_between_a_use_and_the_maintenance_is_not_undone() {
    for rotation in [
        Rotation::Grace(Duration::ZERO),
        Rotation::Grace(Duration::from_secs(60)),
        Rotation::Compromised,
    ] {
        let scene = Scene::new();
        let (server, other) = (scene.open().await, scene.open().await);
        let old = server.create_key(&operator(), new_key("ci")).await.unwrap();
        other.rotate_pepper(&operator()).await.unwrap();
        server.catch_up().await.unwrap();
        assert!(scene.is_accepted(&server, &old));
        let new = other
            .rotate(&operator(), old.record.id, rotation)
            .await
            .unwrap();
        server.maintain().await.unwrap();
        let in_grace = rotation == Rotation::Grace(Duration::from_secs(60));
        for store in [&server, &other] {
            store.catch_up().await.unwrap();
            assert!(scene.is_accepted(store, &new), "{rotation:?}");
            assert_eq!(scene.is_accepted(store, &old), in_grace, "{rotation:?}");
        }
    }
}

#[tokio::test]
async fn key_rotation_whose_grace_ended_before_the_maintenance_is_not_undone() {
    let scene = Scene::new();
    let (server, other) = (scene.open().await, scene.open().await);
    let old = server.create_key(&operator(), new_key("ci")).await.unwrap();
    other.rotate_pepper(&operator()).await.unwrap();
    server.catch_up().await.unwrap();
    assert!(scene.is_accepted(&server, &old));
    let grace = Rotation::Grace(Duration::from_secs(60));
    let new = other
        .rotate(&operator(), old.record.id, grace)
        .await
        .unwrap();
    // The pepper and the status are the same as when the old secret was used; only the digest is not.
    scene.clock.advance(Duration::from_secs(61));
    server.maintain().await.unwrap();
    server.catch_up().await.unwrap();
    assert!(scene.is_accepted(&server, &new));
    assert!(!scene.is_accepted(&server, &old));
}

#[tokio::test]
async fn process_that_has_not_seen_the_rotation_continues_and_then_follows() {
    let scene = Scene::new();
    let (here, there) = (scene.open().await, scene.open().await);
    here.rotate_pepper(&operator()).await.unwrap();
    // Created by a process that only knows the first pepper, which must not be deleted yet.
    let created = there.create_key(&operator(), new_key("ci")).await.unwrap();
    assert_eq!(scene.pepper_of(&created.record.id).await, 1);
    here.catch_up().await.unwrap();
    for store in [&here, &there] {
        assert!(scene.is_accepted(store, &created));
    }
    here.maintain().await.unwrap();
    there.catch_up().await.unwrap();
    assert_eq!(scene.pepper_of(&created.record.id).await, 2);
    assert!(scene.is_accepted(&there, &created));
}

#[tokio::test]
async fn pepper_is_deleted_when_no_key_uses_it_and_not_before() {
    let scene = Scene::new();
    let store = scene.open().await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    store.rotate_pepper(&operator()).await.unwrap();
    store.rotate_pepper(&operator()).await.unwrap();
    assert_eq!(scene.peppers().await, [1, 2, 3]);
    assert!(scene.is_accepted(&store, &created));
    store.maintain().await.unwrap();
    store.rotate_pepper(&operator()).await.unwrap();
    assert_eq!(scene.peppers().await, [3, 4]);
    assert!(scene.is_accepted(&store, &created));
    store.close().await.unwrap();
    assert!(scene.is_accepted(&scene.open().await, &created));
}

#[tokio::test]
async fn rotation_is_recorded_in_the_audit_log_without_a_secret() {
    let scene = Scene::new();
    let store = scene.open().await;
    store.rotate_pepper(&operator()).await.unwrap();
    let [record] = &store.list_audit(&operator(), None, 9).await.unwrap()[..] else {
        panic!("one record");
    };
    assert_eq!((&*record.actor, &*record.action), ("test", "pepper.rotate"));
    let detail = serde_json::Value::from(record.detail.clone());
    assert_eq!(detail, serde_json::json!({"version": 2, "forgotten": []}));
}
