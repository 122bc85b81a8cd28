//! Where the database in place is intact and goes on from the backup, nothing is lost.

use std::time::Duration;

use countersign::directory::{EnvironmentKind, Status};
use countersign::registry::{
    Change, DeniedToken, IdempotencyKey, IdempotentOutcome, ManagedTokens as _, NewEnvironment,
    NewToken, Registry as _, Rotation, SessionSelector, Sessions as _,
};
use countersign::rejection::Reason;
use countersign::{Id, Secret, jose::Algorithm};
use countersign_store::Store;

use super::{NOW, backed_up, dump, files, name, records, restore, status};
use crate::node::{HOUR, Node, clock};
use crate::support::{Place, REVOKE, key, me, user};

#[tokio::test]
async fn everything_that_changed_since_the_backup_is_taken_over() {
    let place = Place::new();
    let store = place.open().await;
    let me = me();
    store.signing_keys("default", None).await.unwrap();
    let mut ids = Vec::new();
    for name in ["stays", "revoked", "deleted", "rotated", "narrowed"] {
        ids.push(store.create_key(&me, key(name)).await.unwrap().record.id);
    }
    let [_, revoked, deleted, rotated, narrowed] = ids[..] else {
        panic!("five keys");
    };
    let ada = store.create_user(&me, user("ada")).await.unwrap().id;
    let account = store.create_account(&me, "a".to_owned()).await.unwrap();
    store.backup(&me, &place.file("b.db")).await.unwrap();

    for id in [deleted, ada] {
        store.change(&me, id, REVOKE).await.unwrap();
        store.change(&me, id, Change::Delete).await.unwrap();
    }
    store.change(&me, revoked, REVOKE).await.unwrap();
    let fewer = Change::Scopes("calls:read".parse().unwrap());
    store.change(&me, narrowed, fewer).await.unwrap();
    store.rotate_pepper(&me).await.unwrap();
    let grace = Rotation::Grace(Duration::from_secs(60));
    store.rotate(&me, rotated, grace).await.unwrap();
    // The name of one that is gone.
    store.create_user(&me, user("ada")).await.unwrap();
    store.create_key(&me, key("new")).await.unwrap();
    store.revoke_account(&me, account.id).await.unwrap();
    let other = store.create_account(&me, "b".to_owned()).await.unwrap();
    let environment = NewEnvironment::new("test", EnvironmentKind::Sandbox).account(other.id);
    store.create_environment(&me, environment).await.unwrap();
    let token = DeniedToken {
        issuer: "http://x".to_owned(),
        token: Id::from_bytes([7; 20]),
        account: other.id,
        expires_at: NOW.plus(Duration::from_secs(60)),
    };
    store.deny_token(&me, token).await.unwrap();
    store.set_issuer_url("default", "http://x").await.unwrap();
    let lead = Duration::from_secs(60);
    let algorithm = Some(Algorithm::Es256);
    store
        .rotate_signing_key(&me, "default", algorithm, lead)
        .await
        .unwrap();
    let in_backup = &store.list_signing_keys("default").await.unwrap()[1].kid;
    store
        .revoke_signing_key(&me, "default", in_backup)
        .await
        .unwrap();
    let lifetime = Duration::from_secs(99 * 3600);
    store.allow_lifetime(lifetime).await.unwrap();
    store.allow_managed_lifetime(lifetime * 2).await.unwrap();
    let countersign_store::Verified::Intact {
        checkpoint,
        records: before,
    } = store.verify_audit(None).await.unwrap()
    else {
        panic!("intact");
    };
    store.close().await.unwrap();
    place
        .execute("UPDATE credentials SET last_used_at = 5 WHERE name = 'stays'")
        .await;

    let restored = restore(&place).await.unwrap();
    let replayed = restored.replayed.unwrap();
    assert!(replayed > 10, "{replayed}");
    assert_eq!(restored.suspended, 0);
    let kept = restored.kept.unwrap();
    let (mut was, mut is) = (
        dump(&place, name(&kept)).await,
        dump(&place, "countersign.db").await,
    );
    assert_eq!(is["audit"].len(), was["audit"].len() + 1);
    assert_ne!(is["state"], was["state"], "it is another history");
    for own in ["audit", "audit_head", "changes", "state"] {
        was.remove(own).unwrap();
        is.remove(own).unwrap();
    }
    assert_eq!(is, was);

    let again = place.open().await;
    let verified = again.verify_audit(Some(&checkpoint)).await.unwrap();
    assert_eq!(records(verified), before + 1);
    let told = &again.list_audit(&me, None, 1).await.unwrap()[0];
    assert_eq!(
        (&*told.action, &told.detail["replayed"]),
        ("restore", &replayed.into())
    );
    assert_eq!(
        place.count("SELECT largest_lifetime FROM state").await,
        99 * 3600
    );
    assert_eq!(
        place.count("SELECT longest_signed FROM state").await,
        2 * 99 * 3600
    );
}

#[tokio::test]
async fn sessions_and_answers_live_on_and_sessions_that_were_ended_stay_so() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let before = node.log_in(&key, "before").await.unwrap();
    let ended = node.log_in(&key, "ended").await.unwrap();
    node.store.backup(&me(), &place.file("b.db")).await.unwrap();
    let id = key.record.id;
    let named = SessionSelector::Named("ended".parse().unwrap());
    node.store.end_sessions(&me(), id, named).await.unwrap();
    let after = node.log_in(&key, "after").await.unwrap();
    let make = async |store: &Store| {
        let new = NewToken::new("calls:read".parse().unwrap(), NOW.plus(HOUR));
        let once = IdempotencyKey::new("k", id, [1; 32], &|_| Ok(Secret::from("done".to_owned())));
        store.create_token(&me(), new, Some(once)).await.unwrap()
    };
    assert!(matches!(make(&node.store).await, IdempotentOutcome::New(_)));
    node.store.close().await.unwrap();

    restore(&place).await.unwrap().replayed.unwrap();
    let node = Node::open(&place, &clock).await;
    for (name, kept) in [("before", before), ("after", after)] {
        node.judge(&kept).unwrap();
        let again = node.log_in(&key, name).await.unwrap();
        assert_eq!(again.token.expose(), kept.token.expose(), "{name}");
    }
    assert_eq!(node.judge(&ended).unwrap_err(), Reason::Superseded);
    let next = node.log_in(&key, "ended").await.unwrap();
    node.judge(&next).unwrap();
    let IdempotentOutcome::Replayed(answer) = make(&node.store).await else {
        panic!("it was made before");
    };
    assert_eq!(answer.expose(), "done");
}

#[tokio::test]
async fn what_was_destroyed_behind_the_program_s_back_comes_back() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.close().await.unwrap();
    place.execute("DELETE FROM credentials").await;
    let restored = restore(&place).await.unwrap();
    assert_eq!(restored.replayed, Ok(0));
    assert_eq!(status(&place, id).await, Status::Active);
}

#[tokio::test]
async fn tokens_and_keys_live_on_when_nothing_is_lost() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    let before = store.list_signing_keys("default").await.unwrap();
    store.close().await.unwrap();
    restore(&place).await.unwrap();
    let store = place.open().await;
    let after = store.list_signing_keys("default").await.unwrap();
    assert_eq!((after.len(), &after[0].kid), (1, &before[0].kid));
    let kept = store.show(&me(), id).await.unwrap();
    assert_eq!((kept.status, kept.generation), (Status::Active, 1));
}

#[tokio::test]
async fn changes_go_on_after_a_restore_and_what_was_in_place_is_kept() {
    let place = Place::new();
    let (store, id) = backed_up(&place).await;
    store.change(&me(), id, REVOKE).await.unwrap();
    store.close().await.unwrap();
    restore(&place).await.unwrap();
    assert_eq!(
        files(&place),
        [
            "b.db",
            "countersign.db",
            "countersign.db.before-restore-1800000000000",
            "countersign.key"
        ]
    );
    let (here, there) = (place.open().await, place.open().await);
    let made = here.create_key(&me(), key("new")).await.unwrap().record.id;
    there.catch_up().await.unwrap();
    assert_eq!(status(&place, made).await, Status::Active);
    assert_eq!(status(&place, id).await, Status::Revoked);
    here.backup(&me(), &place.file("c.db")).await.unwrap();
}
