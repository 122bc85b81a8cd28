//! Managed tokens: their records decide whether they are accepted.

mod creators;
mod idempotency;
mod retention;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{CredentialKind, Directory as _, EnvironmentKind, Status};
use countersign::registry::{
    Caller, Change, Conflict, DeniedToken, IdempotencyKey, IdempotentOutcome, ManagedTokens as _,
    NewEnvironment, NewToken, Page, Record, Registry as _, RegistryError, SessionSelector,
    Sessions as _,
};
use countersign::rejection::Reason;
use countersign::time::{Clock as _, Timestamp};
use countersign::{Id, Secret};
use countersign_store::{Store, ViewContents};

use crate::service::{DAY, HOUR, Service, URL, clock, options};
use crate::support::{REVOKE, TestFolder, new_user, operator};

const END: Timestamp = Timestamp::from_unix_seconds(1_800_000_000 + 90 * 24 * 3600);
const CALLER: Id = Id::from_bytes([1; 20]);

fn new_token() -> NewToken {
    NewToken::new("calls:read".parse().unwrap(), END)
}

#[track_caller]
fn record_of(outcome: IdempotentOutcome) -> Record {
    let record = match outcome {
        IdempotentOutcome::New(record) => Some(*record),
        IdempotentOutcome::Replayed(_) => None,
    };
    record.unwrap_or_else(|| unreachable!("it was replayed"))
}

#[track_caller]
fn replayed(outcome: &IdempotentOutcome) -> &str {
    let response = match outcome {
        IdempotentOutcome::Replayed(response) => Some(response.expose()),
        IdempotentOutcome::New(_) => None,
    };
    response.unwrap_or_else(|| unreachable!("it was not replayed"))
}

async fn create(store: &Store) -> Record {
    record_of(
        store
            .create_token(&operator(), new_token(), None)
            .await
            .unwrap(),
    )
}

async fn change(store: &Store, id: Id, change: Change) -> Result<Record, RegistryError> {
    Ok(record_of(
        store.change_token(&operator(), id, change, None).await?,
    ))
}

/// The response: the id of the record, and a text that must not be found in the database.
fn response(record: &Record) -> Result<Secret, RegistryError> {
    Ok(Secret::from(format!("canary-secret of {}", record.id)))
}

fn idempotency_key(key: &str, request: u8) -> IdempotencyKey<'_> {
    IdempotencyKey::new(key, CALLER, [request; 32], &response)
}

#[tokio::test]
async fn token_is_rejected_while_it_is_suspended_and_for_good_after_it_was_revoked() {
    let (folder, clock) = (TestFolder::new(), clock());
    let here = Service::open(&folder, &clock).await;
    let there = Service::open(&folder, &clock).await;
    let key = here.create_key("ci").await;
    let creator = here.authenticate_key(&key).await;
    let record = create(&here.store).await;
    let id = record.id;
    let text = here.mint.managed_token(&creator, &record).unwrap();
    let authenticated = async |expected: Result<(), Reason>| {
        there.store.catch_up().await.unwrap();
        for service in [&here, &there] {
            assert_eq!(service.verify_text(text.expose()).map(|_| ()), expected);
        }
    };
    authenticated(Ok(())).await;
    for _ in 0..2 {
        let suspended = change(&here.store, id, Change::Suspend).await.unwrap();
        assert_eq!(
            (suspended.status, suspended.generation),
            (Status::Suspended, 1)
        );
        authenticated(Err(Reason::CredentialSuspended)).await;
        assert_eq!(folder.count("SELECT count(*) FROM denials").await, 0);
        change(&here.store, id, Change::Activate).await.unwrap();
        authenticated(Ok(())).await;
    }
    let early = change(&here.store, id, Change::Delete).await;
    let early = early.unwrap_err();
    assert!(matches!(
        early,
        RegistryError::Conflict(Conflict::NotRevoked)
    ));
    change(&here.store, id, REVOKE).await.unwrap();
    authenticated(Err(Reason::CredentialRevoked)).await;
    let late = change(&here.store, id, Change::Activate).await;
    let late = late.unwrap_err();
    assert!(matches!(late, RegistryError::Conflict(Conflict::Revoked)));
    let gone = change(&here.store, id, Change::Delete).await.unwrap();
    assert_eq!((gone.id, gone.status), (id, Status::Revoked));
    authenticated(Err(Reason::CredentialUnknown)).await;
    let shown = here.store.show_token(&operator(), id).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
}

#[tokio::test]
async fn token_is_accepted_after_reopening_and_by_no_process_without_records() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let creator = service
        .authenticate_key(&service.create_key("ci").await)
        .await;
    let record = create(&service.store).await;
    let text = service.mint.managed_token(&creator, &record).unwrap();
    service.store.close().await.unwrap();
    let service = Service::open(&folder, &clock).await;
    let principal = service.verify_text(text.expose()).unwrap();
    assert_eq!(principal.credential_id(), Some(&record.id));
    assert_eq!(principal.scopes().as_str(), "calls:read");
    let mut holding = options(&folder, &clock);
    holding.contents = ViewContents::Denials;
    let checker = Service::with_issuer(holding, &clock, "default", URL).await;
    let rejected = checker.verify_text(text.expose()).unwrap_err();
    assert_eq!(rejected, Reason::CredentialUnknown);
}

#[tokio::test]
async fn record_of_a_token_contains_all_its_settings() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let creator = service.authenticate_key(&key).await;
    let creator = Caller::authenticated(creator.principal()).unwrap();
    let sandbox = NewEnvironment::new("sandbox", EnvironmentKind::Sandbox);
    let sandbox = service
        .store
        .create_environment(&operator(), sandbox)
        .await
        .unwrap();
    let mut new = new_token();
    new.owner.environment = Some(sandbox.id);
    let created = record_of(
        service
            .store
            .create_token(&creator, new, None)
            .await
            .unwrap(),
    );
    let whole = create(&service.store).await;
    service.store.close().await.unwrap();

    let store = folder.open().await;
    assert_eq!(
        store.show_token(&operator(), created.id).await.unwrap(),
        created
    );
    assert_eq!(
        (created.kind, created.account_id, created.expires_at),
        (CredentialKind::Token, sandbox.account_id, Some(END))
    );
    assert_eq!(created.created_by, Some(key.record.id));
    assert!(!created.created_by_user);
    assert_eq!(created.environment_id, Some(sandbox.id));
    assert_eq!(created.environment_kind, EnvironmentKind::Sandbox);
    let seen = store.directory().credential(&created.id).unwrap();
    assert_eq!(seen.environment_kind, EnvironmentKind::Sandbox);
    // No environment means the whole account, also in the default account.
    assert_eq!((whole.environment_id, whole.created_by), (None, None));
    assert_eq!(
        store.show_token(&operator(), whole.id).await.unwrap(),
        whole
    );
}

#[tokio::test]
async fn each_change_of_a_token_is_recorded_in_the_audit_log_unless_it_had_no_effect() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let id = create(&service.store).await.id;
    for step in [
        Change::Suspend,
        Change::Suspend,
        Change::Activate,
        REVOKE,
        REVOKE,
        Change::Delete,
    ] {
        change(&service.store, id, step).await.unwrap();
    }
    let record = service
        .store
        .list_audit(&operator(), None, 99)
        .await
        .unwrap();
    let record = record
        .iter()
        .rev()
        .filter(|record| record.entity == Some(id));
    let actions: Vec<_> = record.map(|record| &*record.action).collect();
    assert_eq!(
        actions,
        ["create", "suspend", "activate", "revoke", "delete"]
            .map(|verb| format!("api_token.{verb}"))
    );
}

#[tokio::test]
async fn tokens_of_another_account_cannot_be_reached() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let store = &service.store;
    let first = create(store).await;
    clock.advance(Duration::from_millis(1));
    let others = store.create_account(&operator(), "others".to_owned()).await;
    let others = others.unwrap().id;
    let attacker = Caller::operator("attacker").within_account(others);
    let own = record_of(
        store
            .create_token(&attacker, new_token(), None)
            .await
            .unwrap(),
    );
    assert_eq!(own.account_id, others);

    let shown = store.show_token(&attacker, first.id).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
    for step in [Change::Suspend, Change::Activate, REVOKE, Change::Delete] {
        let changed = store.change_token(&attacker, first.id, step, None).await;
        assert!(matches!(changed, Err(RegistryError::NotFound)));
    }
    let listed = store.list_tokens(&attacker, 0, 9).await.unwrap();
    assert_eq!(listed, (vec![own.clone()], 1));
    let listed = store.list_tokens(&operator(), 0, 9).await.unwrap();
    assert_eq!(listed, (vec![first.clone(), own], 2));

    let mut into = new_token();
    into.owner.account = Some(first.account_id);
    let created = store.create_token(&attacker, into, None).await;
    assert!(matches!(created, Err(RegistryError::NotFound)));
    let environments = store
        .list_environments(&operator(), None, Page::all())
        .await
        .unwrap();
    let mut other_environment = new_token();
    other_environment.owner.environment = Some(environments[0].id);
    let created = store.create_token(&attacker, other_environment, None).await;
    assert!(matches!(created, Err(RegistryError::NotFound)));
}

#[tokio::test]
async fn keys_and_users_are_not_managed_tokens() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await.record.id;
    let ada = service
        .store
        .create_user(&operator(), new_user("ada"))
        .await
        .unwrap()
        .id;
    for id in [key, ada] {
        let shown = service.store.show_token(&operator(), id).await;
        assert!(matches!(shown, Err(RegistryError::NotFound)));
        let changed = change(&service.store, id, Change::Suspend).await;
        assert!(matches!(changed, Err(RegistryError::NotFound)));
    }
    let listed = service.store.list_tokens(&operator(), 0, 9).await.unwrap();
    assert_eq!(listed.1, 0);
}

#[tokio::test]
async fn tokens_are_listed_oldest_first_by_pages_with_their_number() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let mut created = Vec::new();
    for _ in 0..5 {
        created.push(create(&service.store).await);
        clock.advance(Duration::from_millis(1));
    }
    for (offset, limit, page) in [
        (0, 2, &created[..2]),
        (2, 2, &created[2..4]),
        (4, 2, &created[4..]),
        (0, 99, &created[..]),
        (5, 2, &[]),
        (u64::MAX, u32::MAX, &[]),
    ] {
        let listed = service
            .store
            .list_tokens(&operator(), offset, limit)
            .await
            .unwrap();
        assert_eq!(listed, (page.to_vec(), 5), "{offset}");
    }
}

#[tokio::test]
async fn last_use_of_a_token_is_stored() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let creator = service
        .authenticate_key(&service.create_key("ci").await)
        .await;
    let record = create(&service.store).await;
    assert_eq!(record.last_used_at, None);
    let text = service.mint.managed_token(&creator, &record).unwrap();
    clock.advance(HOUR);
    service.verify_text(text.expose()).unwrap();
    service.store.maintain().await.unwrap();
    let shown = service
        .store
        .show_token(&operator(), record.id)
        .await
        .unwrap();
    assert_eq!(shown.last_used_at, Some(clock.now()));
    assert_eq!(shown.updated_at, record.updated_at, "it is not a change");
}

#[tokio::test]
async fn token_of_one_issuer_does_not_exist_at_another() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let store = &service.store;
    let [core, other] = ["core", "other"].map(|name| operator().at_issuer(name));
    let created = record_of(store.create_token(&core, new_token(), None).await.unwrap());
    assert_eq!(created.issuers.to_string(), "core");
    let shown = store.show_token(&other, created.id).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
    let changed = store
        .change_token(&other, created.id, Change::Suspend, None)
        .await;
    assert!(matches!(changed, Err(RegistryError::NotFound)));
    assert_eq!(store.list_tokens(&other, 0, 9).await.unwrap(), (vec![], 0));
    let (listed, count) = store.list_tokens(&core, 0, 9).await.unwrap();
    assert_eq!((listed[0].id, count), (created.id, 1));
    assert_eq!(store.list_tokens(&operator(), 0, 9).await.unwrap().1, 1);
}

#[tokio::test]
async fn change_is_not_made_for_a_token_that_was_denied_ended_or_expired_in_the_meantime() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let store = &service.store;
    let id = create(store).await.id;
    let key = service.create_key("ci").await;
    let account = key.record.account_id;
    let proven = |token| Caller::authenticated(&service.verify(token).unwrap()).unwrap();
    let suspend = async |caller: &Caller| {
        let asked = store.change_token(caller, id, Change::Suspend, None).await;
        matches!(asked, Err(RegistryError::CallerRevoked))
    };

    let denied = service.open_session(&key, "denied").await.unwrap();
    let caller = proven(&denied);
    let token = DeniedToken {
        issuer: URL.to_owned(),
        token: denied.id,
        account,
        expires_at: denied.expires_at,
    };
    store.deny_token(&operator(), token).await.unwrap();
    assert!(suspend(&caller).await);

    let ended = service.open_session(&key, "ended").await.unwrap();
    let caller = proven(&ended);
    let which = SessionSelector::Named("ended".parse().unwrap());
    store
        .end_sessions(&operator(), key.record.id, which)
        .await
        .unwrap();
    assert!(suspend(&caller).await);

    let good = service.open_session(&key, "good").await.unwrap();
    let caller = proven(&good);
    assert_eq!(
        store.show_token(&operator(), id).await.unwrap().status,
        Status::Active
    );
    assert!(!suspend(&caller).await, "control");
    // Two hours, and the leeway.
    clock.advance(HOUR * 3);
    assert!(suspend(&caller).await);
}
