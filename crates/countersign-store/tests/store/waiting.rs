//! What does not wait for the lock of a writer: all that writes nothing.

use std::time::Duration;

use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::registry::{
    Change, DeniedToken, IdempotentOutcome, ManagedTokens as _, NewEnvironment, NewToken, Owner,
    Page, Registry as _, RegistryError, Rotation, SessionSelector, Sessions as _,
};
use countersign::time::Timestamp;
use sqlx::sqlite::SqliteConnection;
use tokio::task::JoinSet;

use crate::support::{REVOKE, TestFolder, new_key, new_user, operator};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3600);

/// Takes the lock of the writer, as another process may. To write fails after some seconds.
async fn lock(folder: &TestFolder) -> SqliteConnection {
    let mut connection = folder.connect().await;
    let begin = sqlx::raw_sql("BEGIN IMMEDIATE");
    begin.execute(&mut connection).await.unwrap();
    connection
}

fn denied(account: Id) -> DeniedToken {
    DeniedToken {
        issuer: "https://auth.example".to_owned(),
        token: Id::from_bytes([1; 20]),
        account,
        expires_at: NOW.plus(Duration::from_secs(60)),
    }
}

#[tokio::test]
async fn request_that_changes_nothing_does_not_wait_for_writers() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let operator = &operator();
    store.create_user(operator, new_user("ada")).await.unwrap();
    let created = store.create_key(operator, new_key("ci")).await.unwrap();
    let (id, account) = (created.record.id, created.record.account_id);
    store.change(operator, id, Change::Suspend).await.unwrap();
    store.deny_token(operator, denied(account)).await.unwrap();
    let _lock = lock(&folder).await;

    store.change(operator, id, Change::Suspend).await.unwrap();
    store.deny_token(operator, denied(account)).await.unwrap();
    let unknown = Id::from_bytes([9; 20]);
    let session = SessionSelector::Id(unknown);
    let compromised = Rotation::Compromised;
    for rejected in [
        store.change(operator, unknown, REVOKE).await.err(),
        store.change(operator, id, Change::Delete).await.err(),
        store.rotate(operator, unknown, compromised).await.err(),
        store.create_user(operator, new_user("ada")).await.err(),
        store.end_sessions(operator, id, session).await.err(),
    ] {
        let rejected = rejected.unwrap();
        let unavailable = matches!(rejected, RegistryError::Unavailable(_));
        assert!(!unavailable, "{rejected}");
    }
    store.maintain().await.unwrap();
}

#[tokio::test]
async fn change_without_effect_of_a_token_or_an_account_does_not_wait_for_writers() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let operator = &operator();
    let new = NewToken::new("calls:read".parse().unwrap(), NOW.plus(HOUR));
    let created = store.create_token(operator, new, None).await.unwrap();
    let IdempotentOutcome::New(token) = created else {
        panic!("it was not created before");
    };
    let account = store
        .create_account(operator, "a".to_owned())
        .await
        .unwrap();
    let suspend = || store.change_token(operator, token.id, Change::Suspend, None);
    suspend().await.unwrap();
    store.revoke_account(operator, account.id).await.unwrap();
    let _lock = lock(&folder).await;

    suspend().await.unwrap();
    store.revoke_account(operator, account.id).await.unwrap();
    let default = store.list_accounts(operator, Page::all()).await.unwrap();
    let default = default.iter().find(|other| other.id != account.id).unwrap();
    let owner = Owner {
        account: Some(account.id),
        environment: None,
    };
    let environment = NewEnvironment::new("test", EnvironmentKind::Sandbox).account(account.id);
    for rejected in [
        store.revoke_account(operator, default.id).await.err(),
        store
            .change_token(operator, token.id, Change::Delete, None)
            .await
            .err(),
        store
            .create_key(operator, new_key("ci").owner(owner))
            .await
            .err(),
        store.create_environment(operator, environment).await.err(),
        store
            .rotate(operator, token.id, Rotation::Compromised)
            .await
            .err(),
    ] {
        let rejected = rejected.unwrap();
        assert!(matches!(rejected, RegistryError::Conflict(_)), "{rejected}");
    }
}

#[tokio::test]
async fn restart_that_changes_no_issuer_does_not_wait_for_writers() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    store.set_issuer_url("default", "http://x").await.unwrap();
    store.signing_keys("default", None).await.unwrap();
    let _lock = lock(&folder).await;
    store.ensure_issuer("default").await.unwrap();
    store.set_issuer_url("default", "http://x").await.unwrap();
    store.signing_keys("default", None).await.unwrap();
}

#[tokio::test]
async fn readers_do_not_wait_for_writers() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let _lock = lock(&folder).await;
    store.check().await.unwrap();
    store.catch_up().await.unwrap();
    store.verify_audit(None).await.unwrap();
    store.diagnose().await.unwrap();
    store.show(&operator(), created.record.id).await.unwrap();
}

#[tokio::test]
async fn same_revocation_in_many_requests_is_one_record_of_the_audit_log() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let (id, account) = (created.record.id, created.record.account_id);
    let mut requests = JoinSet::new();
    for _ in 0..400 {
        let store = store.clone();
        requests.spawn(async move {
            let operator = operator();
            store.deny_token(&operator, denied(account)).await.unwrap();
            store.change(&operator, id, REVOKE).await.unwrap();
        });
    }
    requests.join_all().await;
    let records = store.list_audit(&operator(), None, 1000).await.unwrap();
    let mut actions: Vec<_> = records.iter().map(|record| &*record.action).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["key.create", "key.revoke", "token.revoke"]);
}
