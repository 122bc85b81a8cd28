//! If the live database is intact and continues the backup, nothing is lost.

use std::time::Duration;

use countersign::directory::{EnvironmentKind, Status};
use countersign::registry::{
    Caller, Change, DeniedToken, IdempotencyKey, IdempotentOutcome, ManagedTokens as _,
    NewEnvironment, NewToken, Registry as _, Rotation, SessionSelector, Sessions as _,
};
use countersign::rejection::Reason;
use countersign::{Id, Secret, jose::Algorithm};
use countersign_store::Store;

use super::{NOW, backed_up, dump, files, name, records, restore, status};
use crate::service::{HOUR, Service, clock};
use crate::support::{REVOKE, TestFolder, new_key, new_user, operator};

#[tokio::test]
async fn revocation_of_all_tokens_of_a_credential_is_replayed() {
    let (folder, clock) = (TestFolder::sqlite(), clock());
    let service = Service::open(&folder, &clock).await;
    let store = &service.store;
    let key = service.create_key("creator").await;
    let caller = service.authenticate_key(&key).await;
    let caller = Caller::authenticated(caller.principal()).unwrap();
    let new = NewToken::new("calls:read".parse().unwrap(), NOW.plus(HOUR));
    let token = store.create_token(&caller, new, None).await.unwrap();
    let IdempotentOutcome::New(token) = token else {
        panic!("it was not created before");
    };
    store
        .backup(&operator(), &folder.file("b.db"))
        .await
        .unwrap();
    store
        .change(&operator(), key.record.id, REVOKE)
        .await
        .unwrap();
    store.close().await.unwrap();

    let live = dump(&folder, "countersign.db").await;
    restore(&folder).await.unwrap();
    let restored = dump(&folder, "countersign.db").await;
    assert_eq!(restored["credentials"], live["credentials"]);
    assert_eq!(status(&folder, token.id).await, Status::Revoked);
}

#[tokio::test]
async fn all_changes_since_the_backup_are_replayed() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let operator = operator();
    store.signing_keys("default", None).await.unwrap();
    let mut ids = Vec::new();
    for name in ["stays", "revoked", "deleted", "rotated", "narrowed"] {
        ids.push(
            store
                .create_key(&operator, new_key(name))
                .await
                .unwrap()
                .record
                .id,
        );
    }
    let [_, revoked, deleted, rotated, narrowed] = ids[..] else {
        panic!("five keys");
    };
    let ada = store
        .create_user(&operator, new_user("ada"))
        .await
        .unwrap()
        .id;
    let account = store
        .create_account(&operator, "a".to_owned())
        .await
        .unwrap();
    store.backup(&operator, &folder.file("b.db")).await.unwrap();

    for id in [deleted, ada] {
        store.change(&operator, id, REVOKE).await.unwrap();
        store.change(&operator, id, Change::Delete).await.unwrap();
    }
    store.change(&operator, revoked, REVOKE).await.unwrap();
    let fewer = Change::Scopes("calls:read".parse().unwrap());
    store.change(&operator, narrowed, fewer).await.unwrap();
    store.rotate_pepper(&operator).await.unwrap();
    let grace = Rotation::Grace(Duration::from_secs(60));
    store.rotate(&operator, rotated, grace).await.unwrap();
    // The name of a deleted user.
    store.create_user(&operator, new_user("ada")).await.unwrap();
    store.create_key(&operator, new_key("new")).await.unwrap();
    store.revoke_account(&operator, account.id).await.unwrap();
    let other = store
        .create_account(&operator, "b".to_owned())
        .await
        .unwrap();
    let environment = NewEnvironment::new("test", EnvironmentKind::Sandbox).account(other.id);
    store
        .create_environment(&operator, environment)
        .await
        .unwrap();
    let token = DeniedToken {
        issuer: "http://x".to_owned(),
        token: Id::from_bytes([7; 20]),
        account: other.id,
        expires_at: NOW.plus(Duration::from_secs(60)),
    };
    store.deny_token(&operator, token).await.unwrap();
    store.set_issuer_url("default", "http://x").await.unwrap();
    let lead = Duration::from_secs(60);
    let algorithm = Some(Algorithm::Es256);
    store
        .rotate_signing_key(&operator, "default", algorithm, lead)
        .await
        .unwrap();
    let in_backup = &store.list_signing_keys("default").await.unwrap()[1].kid;
    store
        .revoke_signing_key(&operator, "default", in_backup)
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
    folder
        .execute("UPDATE credentials SET last_used_at = 5 WHERE name = 'stays'")
        .await;

    let restored = restore(&folder).await.unwrap();
    let replayed = restored.replayed.unwrap();
    assert!(replayed > 10, "{replayed}");
    assert_eq!(restored.suspended, 0);
    let previous = restored.previous.unwrap();
    let (mut was, mut is) = (
        dump(&folder, name(&previous)).await,
        dump(&folder, "countersign.db").await,
    );
    assert_eq!(is["audit"].len(), was["audit"].len() + 1);
    assert_ne!(is["state"], was["state"], "it is another history");
    for own in ["audit", "audit_head", "changes", "state"] {
        was.remove(own).unwrap();
        is.remove(own).unwrap();
    }
    assert_eq!(is, was);

    let again = folder.open().await;
    let verified = again.verify_audit(Some(&checkpoint)).await.unwrap();
    assert_eq!(records(verified), before + 1);
    let record = &again.list_audit(&operator, None, 1).await.unwrap()[0];
    assert_eq!(
        (&*record.action, &record.detail["replayed"]),
        ("restore", &replayed.into())
    );
    assert_eq!(
        folder.count("SELECT largest_lifetime FROM state").await,
        99 * 3600
    );
    assert_eq!(
        folder.count("SELECT longest_signed FROM state").await,
        2 * 99 * 3600
    );
}

#[tokio::test]
async fn sessions_and_responses_survive_and_ended_sessions_stay_ended() {
    let (folder, clock) = (TestFolder::sqlite(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let before = service.open_session(&key, "before").await.unwrap();
    let ended = service.open_session(&key, "ended").await.unwrap();
    service
        .store
        .backup(&operator(), &folder.file("b.db"))
        .await
        .unwrap();
    let id = key.record.id;
    let named = SessionSelector::Named("ended".parse().unwrap());
    service
        .store
        .end_sessions(&operator(), id, named)
        .await
        .unwrap();
    let after = service.open_session(&key, "after").await.unwrap();
    let make = async |store: &Store| {
        let new = NewToken::new("calls:read".parse().unwrap(), NOW.plus(HOUR));
        let once = IdempotencyKey::new("k", id, [1; 32], &|_| Ok(Secret::from("done".to_owned())));
        store
            .create_token(&operator(), new, Some(once))
            .await
            .unwrap()
    };
    assert!(matches!(
        make(&service.store).await,
        IdempotentOutcome::New(_)
    ));
    service.store.close().await.unwrap();

    restore(&folder).await.unwrap().replayed.unwrap();
    let service = Service::open(&folder, &clock).await;
    for (name, previous) in [("before", before), ("after", after)] {
        service.verify(&previous).unwrap();
        let again = service.open_session(&key, name).await.unwrap();
        assert_eq!(again.token.expose(), previous.token.expose(), "{name}");
    }
    assert_eq!(service.verify(&ended).unwrap_err(), Reason::Superseded);
    let next = service.open_session(&key, "ended").await.unwrap();
    service.verify(&next).unwrap();
    let IdempotentOutcome::Replayed(answer) = make(&service.store).await else {
        panic!("it was made before");
    };
    assert_eq!(answer.expose(), "done");
}

#[tokio::test]
async fn records_that_another_program_deleted_are_restored() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store.close().await.unwrap();
    folder.execute("DELETE FROM credentials").await;
    let restored = restore(&folder).await.unwrap();
    assert_eq!(restored.replayed, Ok(0));
    assert_eq!(status(&folder, id).await, Status::Active);
}

#[tokio::test]
async fn tokens_and_keys_stay_valid_when_nothing_is_lost() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    let before = store.list_signing_keys("default").await.unwrap();
    store.close().await.unwrap();
    restore(&folder).await.unwrap();
    let store = folder.open().await;
    let after = store.list_signing_keys("default").await.unwrap();
    assert_eq!((after.len(), &after[0].kid), (1, &before[0].kid));
    let previous = store.show(&operator(), id).await.unwrap();
    assert_eq!((previous.status, previous.generation), (Status::Active, 1));
}

#[tokio::test]
async fn changes_continue_after_a_restore_and_the_previous_database_is_kept() {
    let folder = TestFolder::sqlite();
    let (store, id) = backed_up(&folder).await;
    store.change(&operator(), id, REVOKE).await.unwrap();
    store.close().await.unwrap();
    restore(&folder).await.unwrap();
    assert_eq!(
        files(&folder),
        [
            "b.db",
            "countersign.db",
            "countersign.db.before-restore-1800000000000",
            "countersign.key"
        ]
    );
    let (here, there) = (folder.open().await, folder.open().await);
    let created = here
        .create_key(&operator(), new_key("new"))
        .await
        .unwrap()
        .record
        .id;
    there.catch_up().await.unwrap();
    assert_eq!(status(&folder, created).await, Status::Active);
    assert_eq!(status(&folder, id).await, Status::Revoked);
    here.backup(&operator(), &folder.file("c.db"))
        .await
        .unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn restored_database_and_the_one_that_it_replaces_can_be_read_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TestFolder::sqlite();
    let (store, _) = backed_up(&folder).await;
    store.close().await.unwrap();
    restore(&folder).await.unwrap();
    let names = files(&folder);
    assert!(
        names.iter().any(|name| name.contains("before-restore")),
        "{names:?}"
    );
    for name in names.iter().filter(|name| name.contains(".db")) {
        let mode = std::fs::metadata(folder.file(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
