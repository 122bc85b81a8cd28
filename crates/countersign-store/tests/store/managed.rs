//! Managed tokens are what their records say, and a request that comes again is done once.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{CredentialKind, Directory as _, EnvironmentKind, Status};
use countersign::registry::{
    Caller, Change, Conflict, DeniedToken, IdempotencyKey, IdempotentOutcome, ManagedTokens as _,
    NewEnvironment, NewToken, Record, Registry as _, RegistryError, SessionSelector, Sessions as _,
};
use countersign::rejection::Reason;
use countersign::time::{Clock as _, Timestamp};
use countersign::{Id, Secret};
use countersign_store::{KeyState, Store, ViewContents};

use crate::node::{DAY, HOUR, Node, URL, clock, options};
use crate::support::{Place, REVOKE, me, user};

const END: Timestamp = Timestamp::from_unix_seconds(1_800_000_000 + 90 * 24 * 3600);
const CALLER: Id = Id::from_bytes([1; 20]);

fn token() -> NewToken {
    NewToken::new("calls:read".parse().unwrap(), END)
}

#[track_caller]
fn now(done: IdempotentOutcome) -> Record {
    let record = match done {
        IdempotentOutcome::New(record) => Some(*record),
        IdempotentOutcome::Replayed(_) => None,
    };
    record.unwrap_or_else(|| unreachable!("it was done before"))
}

#[track_caller]
fn before(done: &IdempotentOutcome) -> &str {
    let answer = match done {
        IdempotentOutcome::Replayed(answer) => Some(answer.expose()),
        IdempotentOutcome::New(_) => None,
    };
    answer.unwrap_or_else(|| unreachable!("it was not done before"))
}

async fn create(store: &Store) -> Record {
    now(store.create_token(&me(), token(), None).await.unwrap())
}

async fn change(store: &Store, id: Id, change: Change) -> Result<Record, RegistryError> {
    Ok(now(store.change_token(&me(), id, change, None).await?))
}

/// What is answered: the record's id, and something that nobody may find.
fn answer(record: &Record) -> Result<Secret, RegistryError> {
    Ok(Secret::from(format!("canary-secret of {}", record.id)))
}

fn once(key: &str, request: u8) -> IdempotencyKey<'_> {
    IdempotencyKey::new(key, CALLER, [request; 32], &answer)
}

#[tokio::test]
async fn token_is_refused_while_it_is_suspended_and_for_good_once_it_is_revoked() {
    let (place, clock) = (Place::new(), clock());
    let here = Node::open(&place, &clock).await;
    let there = Node::open(&place, &clock).await;
    let key = here.create_key("ci").await;
    let creator = here.prove(&key).await;
    let record = create(&here.store).await;
    let id = record.id;
    let text = here.mint.managed_token(&creator, &record).unwrap();
    let judged = async |expected: Result<(), Reason>| {
        there.store.catch_up().await.unwrap();
        for node in [&here, &there] {
            assert_eq!(node.judge_text(text.expose()).map(|_| ()), expected);
        }
    };
    judged(Ok(())).await;
    for _ in 0..2 {
        let suspended = change(&here.store, id, Change::Suspend).await.unwrap();
        assert_eq!(
            (suspended.status, suspended.generation),
            (Status::Suspended, 1)
        );
        judged(Err(Reason::CredentialSuspended)).await;
        assert_eq!(place.count("SELECT count(*) FROM denied_entities").await, 0);
        change(&here.store, id, Change::Activate).await.unwrap();
        judged(Ok(())).await;
    }
    let early = change(&here.store, id, Change::Delete).await;
    let early = early.unwrap_err();
    assert!(matches!(
        early,
        RegistryError::Conflict(Conflict::NotRevoked)
    ));
    change(&here.store, id, REVOKE).await.unwrap();
    judged(Err(Reason::CredentialRevoked)).await;
    let late = change(&here.store, id, Change::Activate).await;
    let late = late.unwrap_err();
    assert!(matches!(late, RegistryError::Conflict(Conflict::Revoked)));
    let gone = change(&here.store, id, Change::Delete).await.unwrap();
    assert_eq!((gone.id, gone.status), (id, Status::Revoked));
    judged(Err(Reason::CredentialUnknown)).await;
    let shown = here.store.show_token(&me(), id).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
}

#[tokio::test]
async fn token_works_after_the_next_start_and_in_no_process_without_records() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let creator = node.prove(&node.create_key("ci").await).await;
    let record = create(&node.store).await;
    let text = node.mint.managed_token(&creator, &record).unwrap();
    node.store.close().await.unwrap();
    let node = Node::open(&place, &clock).await;
    let principal = node.judge_text(text.expose()).unwrap();
    assert_eq!(principal.credential_id(), Some(&record.id));
    assert_eq!(principal.scopes().as_str(), "calls:read");
    let mut holding = options(&place, &clock);
    holding.holds = ViewContents::Denials;
    let checker = Node::of(holding, &clock, "default", URL).await;
    let refused = checker.judge_text(text.expose()).unwrap_err();
    assert_eq!(refused, Reason::CredentialUnknown);
}

#[tokio::test]
async fn record_of_a_token_says_all_that_it_was_made_with() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let ada = node.store.create_user(&me(), user("ada")).await.unwrap().id;
    let sandbox = NewEnvironment::new("sandbox", EnvironmentKind::Sandbox);
    let sandbox = node.store.create_environment(&me(), sandbox).await.unwrap();
    let mut new = token().created_by(ada);
    new.owner.environment = Some(sandbox.id);
    let made = now(node.store.create_token(&me(), new, None).await.unwrap());
    let whole = create(&node.store).await;
    node.store.close().await.unwrap();

    let store = place.open().await;
    assert_eq!(store.show_token(&me(), made.id).await.unwrap(), made);
    assert_eq!(
        (made.kind, made.account_id, made.expires_at),
        (CredentialKind::Token, sandbox.account_id, Some(END))
    );
    assert_eq!(made.created_by, Some(ada));
    assert_eq!(made.environment_id, Some(sandbox.id));
    assert_eq!(made.environment_kind, EnvironmentKind::Sandbox);
    let seen = store.directory().credential(&made.id).unwrap();
    assert_eq!(seen.environment_kind, EnvironmentKind::Sandbox);
    // None is the whole account, also in the default one.
    assert_eq!((whole.environment_id, whole.created_by), (None, None));
    assert_eq!(store.show_token(&me(), whole.id).await.unwrap(), whole);
}

#[tokio::test]
async fn each_change_of_a_token_is_on_record_and_none_where_nothing_changed() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let id = create(&node.store).await.id;
    for step in [
        Change::Suspend,
        Change::Suspend,
        Change::Activate,
        REVOKE,
        REVOKE,
        Change::Delete,
    ] {
        change(&node.store, id, step).await.unwrap();
    }
    let told = node.store.list_audit(&me(), None, 99).await.unwrap();
    let told = told.iter().rev().filter(|told| told.entity == Some(id));
    let actions: Vec<_> = told.map(|told| &*told.action).collect();
    assert_eq!(
        actions,
        ["create", "suspend", "activate", "revoke", "delete"]
            .map(|verb| format!("api_token.{verb}"))
    );
}

#[tokio::test]
async fn request_that_comes_again_is_answered_as_before_also_after_the_next_start() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let ask = async |store: &Store, key: &str, request: u8| {
        let once = once(key, request);
        store.create_token(&me(), token(), Some(once)).await
    };
    let made = now(ask(&node.store, "k", 1).await.unwrap());
    let expected = answer(&made).unwrap();
    let again = ask(&node.store, "k", 1).await.unwrap();
    assert_eq!(before(&again), expected.expose());
    let other = ask(&node.store, "k", 2).await;
    assert!(matches!(other, Err(RegistryError::IdempotencyConflict)));
    // Another key, and the same of another caller, are other requests.
    now(ask(&node.store, "other", 1).await.unwrap());
    let mut theirs = once("k", 1);
    theirs.caller = Id::from_bytes([2; 20]);
    let theirs = node.store.create_token(&me(), token(), Some(theirs)).await;
    now(theirs.unwrap());
    node.store.close().await.unwrap();

    let node = Node::open(&place, &clock).await;
    clock.advance(DAY - Duration::from_millis(1));
    let again = ask(&node.store, "k", 1).await.unwrap();
    assert_eq!(before(&again), expected.expose());
    clock.advance(Duration::from_millis(1));
    // The key names nothing any more: not even another request is refused.
    let next = now(ask(&node.store, "k", 2).await.unwrap());
    assert_ne!(next.id, made.id);
    let again = ask(&node.store, "k", 2).await.unwrap();
    assert_eq!(before(&again), answer(&next).unwrap().expose());
}

#[tokio::test]
async fn change_that_comes_again_is_not_made_again() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let id = create(&node.store).await.id;
    let store = &node.store;
    let suspend = async |key: &str| {
        let once = Some(once(key, 1));
        store.change_token(&me(), id, Change::Suspend, once).await
    };
    now(suspend("k").await.unwrap());
    change(store, id, Change::Activate).await.unwrap();
    before(&suspend("k").await.unwrap());
    let shown = store.show_token(&me(), id).await.unwrap();
    assert_eq!(shown.status, Status::Active);
    // What changed nothing is remembered, too.
    change(store, id, Change::Suspend).await.unwrap();
    now(suspend("later").await.unwrap());
    change(store, id, Change::Activate).await.unwrap();
    before(&suspend("later").await.unwrap());
    let shown = store.show_token(&me(), id).await.unwrap();
    assert_eq!(shown.status, Status::Active);
}

#[tokio::test]
async fn what_cannot_be_answered_is_not_done() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let failing = |_: &Record| Err(RegistryError::unavailable("no key signs"));
    let mut once = once("k", 1);
    once.response = &failing;
    let made = node.store.create_token(&me(), token(), Some(once)).await;
    assert!(matches!(made, Err(RegistryError::Unavailable(_))));
    let listed = node.store.list_tokens(&me(), 0, 9).await.unwrap();
    assert_eq!(listed, (Vec::new(), 0));
    assert_eq!(place.count("SELECT count(*) FROM answers").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_that_arrives_at_two_processes_at_once_makes_one_record() {
    let (place, clock) = (Place::new(), clock());
    let stores = [
        Node::open(&place, &clock).await.store,
        Node::open(&place, &clock).await.store,
    ];
    let start = Arc::new(tokio::sync::Barrier::new(8));
    let asked: Vec<_> = (0..8)
        .map(|i| {
            let (store, start) = (stores[i % 2].clone(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                let once = Some(once("k", 1));
                store.create_token(&me(), token(), once).await.unwrap()
            })
        })
        .collect();
    let mut made = Vec::new();
    let mut answers = Vec::new();
    for asked in asked {
        match asked.await.unwrap() {
            IdempotentOutcome::New(record) => made.push(record),
            IdempotentOutcome::Replayed(answer) => answers.push(answer),
        }
    }
    assert_eq!((made.len(), answers.len()), (1, 7));
    let expected = answer(&made[0]).unwrap();
    assert!(answers.iter().all(|a| a.expose() == expected.expose()));
    let (_, count) = stores[0].list_tokens(&me(), 0, 9).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn nothing_of_an_answer_is_in_the_database_and_another_hand_cannot_move_it() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let ask = async |key| {
        let once = Some(once(key, 1));
        node.store.create_token(&me(), token(), once).await
    };
    now(ask("canary-key").await.unwrap());
    let mut found = false;
    for name in ["countersign.db", "countersign.db-wal"] {
        let bytes = fs::read(place.file(name)).unwrap();
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
        found |= has(b"canary-key");
        assert!(!has(b"canary-secret"), "an answer is in {name}");
    }
    assert!(found);
    place.execute("UPDATE answers SET key = 'mine'").await;
    let stolen = ask("mine").await;
    assert!(matches!(stolen, Err(RegistryError::Unavailable(_))));
}

#[tokio::test]
async fn answers_are_the_same_under_another_master_key_and_forgotten_after_a_day() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let ask = async |store: &Store| {
        let once = Some(once("k", 1));
        store.create_token(&me(), token(), once).await.unwrap()
    };
    let made = now(ask(&node.store).await);
    node.store.rotate_master_key(&me()).await.unwrap();
    node.store.close().await.unwrap();
    let store = Node::open(&place, &clock).await.store;
    let again = ask(&store).await;
    assert_eq!(before(&again), answer(&made).unwrap().expose());
    let kept = async || place.count("SELECT count(*) FROM answers").await;
    clock.advance(DAY - Duration::from_millis(1));
    store.upkeep().await.unwrap();
    assert_eq!(kept().await, 1);
    clock.advance(Duration::from_millis(1));
    store.upkeep().await.unwrap();
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn tokens_of_another_account_cannot_be_reached() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let store = &node.store;
    let mine = create(store).await;
    clock.advance(Duration::from_millis(1));
    let theirs = store.create_account(&me(), "theirs".to_owned()).await;
    let theirs = theirs.unwrap().id;
    let thief = Caller::of_account("thief", theirs);
    let own = now(store.create_token(&thief, token(), None).await.unwrap());
    assert_eq!(own.account_id, theirs);

    let shown = store.show_token(&thief, mine.id).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
    for step in [Change::Suspend, Change::Activate, REVOKE, Change::Delete] {
        let changed = store.change_token(&thief, mine.id, step, None).await;
        assert!(matches!(changed, Err(RegistryError::NotFound)));
    }
    let listed = store.list_tokens(&thief, 0, 9).await.unwrap();
    assert_eq!(listed, (vec![own.clone()], 1));
    let listed = store.list_tokens(&me(), 0, 9).await.unwrap();
    assert_eq!(listed, (vec![mine.clone(), own], 2));

    let mut into = token();
    into.owner.account = Some(mine.account_id);
    let made = store.create_token(&thief, into, None).await;
    assert!(matches!(made, Err(RegistryError::NotFound)));
    let environments = store.list_environments(&me()).await.unwrap();
    let mut foreign = token();
    foreign.owner.environment = Some(environments[0].id);
    let made = store.create_token(&thief, foreign, None).await;
    assert!(matches!(made, Err(RegistryError::NotFound)));
}

#[tokio::test]
async fn keys_and_users_are_no_managed_tokens() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await.record.id;
    let ada = node.store.create_user(&me(), user("ada")).await.unwrap().id;
    for id in [key, ada] {
        let shown = node.store.show_token(&me(), id).await;
        assert!(matches!(shown, Err(RegistryError::NotFound)));
        let changed = change(&node.store, id, Change::Suspend).await;
        assert!(matches!(changed, Err(RegistryError::NotFound)));
    }
    let listed = node.store.list_tokens(&me(), 0, 9).await.unwrap();
    assert_eq!(listed.1, 0);
}

#[tokio::test]
async fn tokens_are_listed_oldest_first_by_pages_with_how_many_there_are() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(create(&node.store).await);
        clock.advance(Duration::from_millis(1));
    }
    for (offset, limit, page) in [
        (0, 2, &made[..2]),
        (2, 2, &made[2..4]),
        (4, 2, &made[4..]),
        (0, 99, &made[..]),
        (5, 2, &[]),
        (u64::MAX, u32::MAX, &[]),
    ] {
        let listed = node.store.list_tokens(&me(), offset, limit).await.unwrap();
        assert_eq!(listed, (page.to_vec(), 5), "{offset}");
    }
}

#[tokio::test]
async fn last_use_of_a_token_is_written_down() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let creator = node.prove(&node.create_key("ci").await).await;
    let record = create(&node.store).await;
    assert_eq!(record.last_used_at, None);
    let text = node.mint.managed_token(&creator, &record).unwrap();
    clock.advance(HOUR);
    node.judge_text(text.expose()).unwrap();
    node.store.upkeep().await.unwrap();
    let shown = node.store.show_token(&me(), record.id).await.unwrap();
    assert_eq!(shown.last_used_at, Some(clock.now()));
    assert_eq!(shown.updated_at, record.updated_at, "it is no change");
}

#[tokio::test]
async fn retired_key_is_published_as_long_as_a_managed_token_may_live_and_denials_are_not_kept_so_long()
 {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let creator = node.prove(&node.create_key("ci").await).await;
    node.store.allow_managed_lifetime(DAY * 90).await.unwrap();
    node.store.allow_managed_lifetime(DAY).await.unwrap();
    let record = create(&node.store).await;
    let text = node.mint.managed_token(&creator, &record).unwrap();
    let gone = node.create_key("gone").await.record.id;
    node.store.change(&me(), gone, REVOKE).await.unwrap();
    let lead = Duration::from_secs(60);
    node.store
        .rotate_signing_key(&me(), "default", None, lead)
        .await
        .unwrap();
    clock.advance(DAY * 90 - Duration::from_secs(1));
    node.store.upkeep().await.unwrap();
    node.judge_text(text.expose()).unwrap();
    assert_eq!(place.count("SELECT count(*) FROM denied_entities").await, 0);
    let states = async || {
        let keys = node.store.list_signing_keys("default").await.unwrap();
        keys.iter().map(|key| key.state).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [KeyState::Active, KeyState::Retiring]);
    clock.advance(lead + Duration::from_secs(2));
    assert_eq!(states().await, [KeyState::Active, KeyState::Removed]);
}

#[tokio::test]
async fn token_of_one_issuer_does_not_exist_at_another() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let store = &node.store;
    let [core, other] = ["core", "other"].map(|name| me().at_issuer(name));
    let made = now(store.create_token(&core, token(), None).await.unwrap());
    assert_eq!(made.issuers.to_string(), "core");
    let shown = store.show_token(&other, made.id).await;
    assert!(matches!(shown, Err(RegistryError::NotFound)));
    let changed = store
        .change_token(&other, made.id, Change::Suspend, None)
        .await;
    assert!(matches!(changed, Err(RegistryError::NotFound)));
    assert_eq!(store.list_tokens(&other, 0, 9).await.unwrap(), (vec![], 0));
    let (listed, count) = store.list_tokens(&core, 0, 9).await.unwrap();
    assert_eq!((listed[0].id, count), (made.id, 1));
    assert_eq!(store.list_tokens(&me(), 0, 9).await.unwrap().1, 1);
}

#[tokio::test]
async fn change_is_not_made_for_a_token_that_was_denied_ended_or_expired_before_its_turn() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let store = &node.store;
    let id = create(store).await.id;
    let key = node.create_key("ci").await;
    let account = key.record.account_id;
    let proven = |token| {
        let principal = node.judge(token).unwrap();
        Caller::of_account("bearer", account).authenticated_as(&principal)
    };
    let suspend = async |caller: &Caller| {
        let asked = store.change_token(caller, id, Change::Suspend, None).await;
        matches!(asked, Err(RegistryError::CallerRevoked))
    };

    let denied = node.log_in(&key, "denied").await.unwrap();
    let caller = proven(&denied);
    let token = DeniedToken {
        issuer: URL.to_owned(),
        token: denied.id,
        account,
        expires_at: denied.expires_at,
    };
    store.deny_token(&me(), token).await.unwrap();
    assert!(suspend(&caller).await);

    let ended = node.log_in(&key, "ended").await.unwrap();
    let caller = proven(&ended);
    let which = SessionSelector::Named("ended".parse().unwrap());
    store
        .end_sessions(&me(), key.record.id, which)
        .await
        .unwrap();
    assert!(suspend(&caller).await);

    let good = node.log_in(&key, "good").await.unwrap();
    let caller = proven(&good);
    assert_eq!(
        store.show_token(&me(), id).await.unwrap().status,
        Status::Active
    );
    assert!(!suspend(&caller).await, "control");
    clock.advance(HOUR * 2);
    assert!(suspend(&caller).await);
}
