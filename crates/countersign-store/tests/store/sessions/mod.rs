//! A session has one token, on all processes, until it ends.

mod reuse;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{CredentialKind, Directory as _};
use countersign::mint::{IssuanceSettings, Issuer, Mint, MintParameters, MintRequest, SessionMint};
use countersign::random::SystemRandom;
use countersign::registry::{
    Caller, Change, DeniedToken, Page, Registry as _, RegistryError, Rotation, SessionError,
    SessionSelector, Sessions as _,
};
use countersign::rejection::Reason;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, ViewContents};

use crate::service::{DAY, HOUR, Service, URL, clock, options};
use crate::support::{TestFolder, operator};

#[tokio::test]
async fn token_of_a_session_is_the_same_after_reopening() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let mut tokens = Vec::new();
    for name in [None, Some("a"), Some("b")] {
        tokens.push(service.open_session(&key, name).await.unwrap());
    }
    service.store.close().await.unwrap();
    clock.advance(HOUR);

    let service = Service::open(&folder, &clock).await;
    for (name, before) in [None, Some("a"), Some("b")].into_iter().zip(&tokens) {
        let again = service.open_session(&key, name).await.unwrap();
        assert_eq!(again.token.expose(), before.token.expose());
        assert_eq!(
            (again.id, again.expires_at, &again.scopes),
            (before.id, before.expires_at, &before.scopes)
        );
        assert_eq!((before.expires_in, again.expires_in), (7200, 3600));
        service.verify(&again).unwrap();
    }
    let texts = tokens.iter().map(|token| token.token.expose());
    let distinct: std::collections::HashSet<_> = texts.collect();
    assert_eq!(distinct.len(), 3, "other names have other tokens");
}

#[tokio::test]
async fn token_of_a_session_is_not_in_the_database_or_its_log_in_clear() {
    let (folder, clock) = (TestFolder::sqlite(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let token = service.open_session(&key, "canary-name").await.unwrap();
    let mut needles: Vec<&str> = token.token.expose().split('.').skip(1).collect();
    needles.push(token.token.expose());
    let mut found = 0;
    for step in ["open", "closed"] {
        if step == "closed" {
            service.store.close().await.unwrap();
        }
        for name in ["countersign.db", "countersign.db-wal"] {
            let bytes = fs::read(folder.file(name)).unwrap_or_default();
            let has = |needle: &str| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
            found += usize::from(has("canary-name"));
            for needle in &needles {
                assert!(!has(needle), "a part of the token is in {name}, {step}");
            }
        }
    }
    assert_eq!(found, 2, "first in the log, then in the file");
}

#[tokio::test]
async fn ended_session_is_rejected_by_another_process_and_the_next_login_mints_a_token() {
    let (folder, clock) = (TestFolder::new(), clock());
    let here = Service::open(&folder, &clock).await;
    let there = Service::open(&folder, &clock).await;
    let mut holding = options(&folder, &clock);
    holding.contents = ViewContents::Denials;
    let checker = Service::with_issuer(holding, &clock, "default", URL).await;
    let key = here.create_key("ci").await;
    let token = here.open_session(&key, None).await.unwrap();
    let other = here.open_session(&key, "other").await.unwrap();
    let session = *here.verify(&token).unwrap().session().unwrap();

    let ended = SessionSelector::Id(session);
    let id = key.record.id;
    here.store
        .end_sessions(&operator(), id, ended.clone())
        .await
        .unwrap();
    assert_eq!(here.verify(&token).unwrap_err(), Reason::Superseded);
    for service in [&there, &checker] {
        assert!(service.verify(&token).is_ok());
        service.store.catch_up().await.unwrap();
        assert_eq!(service.verify(&token).unwrap_err(), Reason::Superseded);
        assert!(service.verify(&other).is_ok());
    }
    let next = there.open_session(&key, None).await.unwrap();
    assert_ne!(next.token.expose(), token.token.expose());
    here.verify(&next).unwrap();
    let again = here.store.end_sessions(&operator(), id, ended).await;
    assert!(matches!(again, Err(RegistryError::NotFound)));

    // Also after reopening.
    here.store.close().await.unwrap();
    let here = Service::open(&folder, &clock).await;
    assert_eq!(here.verify(&token).unwrap_err(), Reason::Superseded);
}

#[tokio::test]
async fn sessions_of_one_name_end_together_and_each_is_recorded_in_the_audit_log() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let parameters = MintParameters::default().scopes("calls:read".parse().unwrap());
    let narrow = MintRequest::new(service.authenticate_key(&key).await, parameters);
    let name = "worker".parse().unwrap();
    let narrow = service.sessions().mint(&narrow, Some(name)).await.unwrap();
    let wide = service.open_session(&key, "worker").await.unwrap();
    let other = service.open_session(&key, "other").await.unwrap();
    let sessions = [&narrow, &wide].map(|token| *service.verify(token).unwrap().session().unwrap());

    let named = SessionSelector::Named("worker".parse().unwrap());
    let id = key.record.id;
    service
        .store
        .end_sessions(&operator(), id, named)
        .await
        .unwrap();
    for token in [&narrow, &wide] {
        assert_eq!(service.verify(token).unwrap_err(), Reason::Superseded);
    }
    service.verify(&other).unwrap();
    let record = service
        .store
        .list_audit(&operator(), None, 2)
        .await
        .unwrap();
    for record in &record {
        assert_eq!(record.action, "session.revoke");
        assert_eq!(record.account_id, Some(key.record.account_id));
        assert!(sessions.contains(&record.entity.unwrap()));
        assert_eq!(record.detail["credential"], id.to_string());
    }
    assert_ne!(record[0].entity, record[1].entity);
}

#[tokio::test]
async fn sessions_are_listed_oldest_first_until_their_tokens_expire() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let first = service.open_session(&key, "first").await.unwrap();
    let begun = clock.now();
    clock.advance(HOUR);
    service.open_session(&key, None).await.unwrap();
    let list = async || {
        let list = service
            .store
            .list_sessions(&operator(), key.record.id, clock.now())
            .await;
        list.unwrap()
    };
    let listed = list().await;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].name.as_ref().unwrap().as_str(), "first");
    assert_eq!(
        (listed[0].issued_at, listed[0].expires_at),
        (begun, first.expires_at)
    );
    assert_eq!(
        (&*listed[0].issuer, &listed[0].scopes),
        (URL, &first.scopes)
    );
    let session = *service.verify(&first).unwrap().session().unwrap();
    assert_eq!(listed[0].id, session);
    assert_eq!(listed[1].name, None);
    clock.advance(HOUR);
    assert_eq!(list().await, listed[1..]);
}

#[tokio::test]
async fn sessions_of_another_account_can_neither_be_listed_nor_ended() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let token = service.open_session(&key, "s").await.unwrap();
    let session = *service.verify(&token).unwrap().session().unwrap();
    let other_account = service
        .store
        .create_account(&operator(), "other_account".to_owned())
        .await;
    let attacker = Caller::operator("attacker").within_account(other_account.unwrap().id);
    let owner = Caller::operator("owner").within_account(key.record.account_id);
    let id = key.record.id;
    for which in [
        SessionSelector::Id(session),
        SessionSelector::Named("s".parse().unwrap()),
    ] {
        let ended = service.store.end_sessions(&attacker, id, which).await;
        assert!(matches!(ended, Err(RegistryError::NotFound)));
    }
    // Nor with the name of another credential.
    let other = service.create_key("other").await.record.id;
    let ended = service
        .store
        .end_sessions(&owner, other, SessionSelector::Id(session))
        .await;
    assert!(matches!(ended, Err(RegistryError::NotFound)));
    for (caller, seen) in [(attacker, 0), (owner, 1)] {
        let listed = service.store.list_sessions(&caller, id, clock.now()).await;
        assert_eq!(listed.unwrap().len(), seen);
    }
}

#[tokio::test]
async fn sessions_of_all_credentials_are_listed_by_pages_and_within_the_account_of_the_caller() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let (first, second) = (
        service.create_key("first").await,
        service.create_key("second").await,
    );
    service.open_session(&first, "a").await.unwrap();
    clock.advance(Duration::from_secs(1));
    service.open_session(&second, None).await.unwrap();
    clock.advance(Duration::from_secs(1));
    let last = service.open_session(&first, "c").await.unwrap();
    let list = async |caller: &Caller, page: Page| {
        let listed = service.store.list_all_sessions(caller, page).await;
        listed.unwrap()
    };
    let all = list(&operator(), Page::all()).await;
    let names: Vec<_> = all.iter().map(|one| &*one.credential_name).collect();
    assert_eq!(names, ["first", "second", "first"]);
    assert_eq!(all[1].credential, second.record.id);
    assert_eq!(all[1].credential_kind, CredentialKind::Key);
    assert_eq!(all[0].session.name.as_ref().unwrap().as_str(), "a");
    let page = list(&operator(), Page::after(Some(all[0].session.id), 1)).await;
    assert_eq!(page, all[1..2]);

    let owner = Caller::operator("owner").within_account(first.record.account_id);
    assert_eq!(list(&owner, Page::all()).await, all);
    let other = service
        .store
        .create_account(&operator(), "other".to_owned())
        .await;
    let other = Caller::operator("other").within_account(other.unwrap().id);
    assert_eq!(list(&other, Page::all()).await, []);

    // A session that has ended, one of a revoked key, and one that has expired are not listed.
    let (store, operator) = (&service.store, operator());
    let ended = SessionSelector::Named("a".parse().unwrap());
    let ended = store.end_sessions(&operator, first.record.id, ended).await;
    ended.unwrap();
    let revoked = Change::Revoke { reason: None };
    let revoked = store.change(&operator, second.record.id, revoked).await;
    revoked.unwrap();
    assert_eq!(list(&operator, Page::all()).await, all[2..]);
    clock.set(last.expires_at);
    assert_eq!(list(&operator, Page::all()).await, []);
}

#[tokio::test]
async fn sessions_are_deleted_two_days_after_their_tokens_have_expired() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    service.open_session(&key, None).await.unwrap();
    let stored = async || folder.count("SELECT count(*) FROM sessions").await;
    clock.advance(HOUR * 2 + DAY * 2);
    service.store.maintain().await.unwrap();
    assert_eq!(stored().await, 1);
    clock.advance(Duration::from_millis(1));
    service.store.maintain().await.unwrap();
    assert_eq!(stored().await, 0);
}

#[tokio::test]
async fn denial_of_an_ended_session_is_stored_until_its_token_expires() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let token = service.open_session(&key, None).await.unwrap();
    let session = *service.verify(&token).unwrap().session().unwrap();
    // As if the longer lifetime had never been allowed.
    folder
        .execute("UPDATE state SET largest_lifetime = 1")
        .await;
    let id = key.record.id;
    let ended = SessionSelector::Id(session);
    service
        .store
        .end_sessions(&operator(), id, ended)
        .await
        .unwrap();
    let until = folder.count("SELECT until FROM denials").await;
    assert_eq!(until, token.expires_at.unix_millis());
    let view = Store::open(options(&folder, &clock)).await.unwrap();
    assert_eq!(view.directory().lowest_generation(&session), Some(2));
}
