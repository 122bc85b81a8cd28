//! One session, one token: whoever asks, wherever, and until when.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use countersign::directory::Directory as _;
use countersign::mint::{IssuanceSettings, Issuer, Mint, MintParameters, MintRequest, SessionMint};
use countersign::random::SystemRandom;
use countersign::registry::{
    Caller, DeniedToken, Registry as _, RegistryError, Rotation, SessionError, SessionSelector,
    Sessions as _,
};
use countersign::rejection::Reason;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, ViewContents};

use crate::node::{DAY, HOUR, Node, URL, clock, options};
use crate::support::{Place, me};

#[tokio::test]
async fn token_of_a_session_is_the_same_after_the_next_start() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let mut tokens = Vec::new();
    for name in [None, Some("a"), Some("b")] {
        tokens.push(node.log_in(&key, name).await.unwrap());
    }
    node.store.close().await.unwrap();
    clock.advance(HOUR);

    let node = Node::open(&place, &clock).await;
    for (name, before) in [None, Some("a"), Some("b")].into_iter().zip(&tokens) {
        let again = node.log_in(&key, name).await.unwrap();
        assert_eq!(again.token.expose(), before.token.expose());
        assert_eq!(
            (again.id, again.expires_at, &again.scopes),
            (before.id, before.expires_at, &before.scopes)
        );
        assert_eq!((before.expires_in, again.expires_in), (7200, 3600));
        node.judge(&again).unwrap();
    }
    let texts = tokens.iter().map(|token| token.token.expose());
    let distinct: std::collections::HashSet<_> = texts.collect();
    assert_eq!(distinct.len(), 3, "other names have other tokens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_asked_at_the_same_instant_give_the_same_token() {
    let (place, clock) = (Place::new(), clock());
    let nodes = [
        Arc::new(Node::open(&place, &clock).await),
        Arc::new(Node::open(&place, &clock).await),
    ];
    let made = nodes[0].create_key("ci").await;
    nodes[1].store.catch_up().await.unwrap();
    let key = Arc::new(made);
    let start = Arc::new(tokio::sync::Barrier::new(24));
    let asked: Vec<_> = (0..24)
        .map(|i| {
            let (node, key, start) = (nodes[i % 2].clone(), key.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                node.log_in(&key, "one").await.unwrap()
            })
        })
        .collect();
    let mut tokens = Vec::new();
    for asked in asked {
        tokens.push(asked.await.unwrap().token.expose().to_owned());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(place.count("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn other_scopes_are_another_session_and_their_order_is_none() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let ask = async |scopes: &str| {
        let parameters = MintParameters::default().scopes(scopes.parse().unwrap());
        let request = MintRequest::new(node.prove(&key).await, parameters);
        let token = node.sessions().mint(&request, None).await.unwrap();
        token.token.expose().to_owned()
    };
    let both = ask("calls:read wallet:pay").await;
    assert_eq!(ask("wallet:pay calls:read").await, both);
    assert_ne!(ask("calls:read").await, both);
}

#[tokio::test]
async fn nothing_of_a_session_s_token_is_in_the_database_or_its_log() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let token = node.log_in(&key, "canary-name").await.unwrap();
    let mut needles: Vec<&str> = token.token.expose().split('.').skip(1).collect();
    needles.push(token.token.expose());
    let mut found = 0;
    for step in ["open", "closed"] {
        if step == "closed" {
            node.store.close().await.unwrap();
        }
        for name in ["countersign.db", "countersign.db-wal"] {
            let bytes = fs::read(place.file(name)).unwrap_or_default();
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
async fn session_ended_is_refused_by_another_process_and_the_next_login_mints_anew() {
    let (place, clock) = (Place::new(), clock());
    let here = Node::open(&place, &clock).await;
    let there = Node::open(&place, &clock).await;
    let mut holding = options(&place, &clock);
    holding.holds = ViewContents::Denials;
    let checker = Node::of(holding, &clock, "default", URL).await;
    let key = here.create_key("ci").await;
    let token = here.log_in(&key, None).await.unwrap();
    let other = here.log_in(&key, "other").await.unwrap();
    let session = *here.judge(&token).unwrap().session().unwrap();

    let ended = SessionSelector::Id(session);
    let id = key.record.id;
    here.store
        .end_sessions(&me(), id, ended.clone())
        .await
        .unwrap();
    assert_eq!(here.judge(&token).unwrap_err(), Reason::Superseded);
    for node in [&there, &checker] {
        assert!(node.judge(&token).is_ok());
        node.store.catch_up().await.unwrap();
        assert_eq!(node.judge(&token).unwrap_err(), Reason::Superseded);
        assert!(node.judge(&other).is_ok());
    }
    let next = there.log_in(&key, None).await.unwrap();
    assert_ne!(next.token.expose(), token.token.expose());
    here.judge(&next).unwrap();
    let again = here.store.end_sessions(&me(), id, ended).await;
    assert!(matches!(again, Err(RegistryError::NotFound)));

    // After the next start, too.
    here.store.close().await.unwrap();
    let here = Node::open(&place, &clock).await;
    assert_eq!(here.judge(&token).unwrap_err(), Reason::Superseded);
}

#[tokio::test]
async fn sessions_of_one_name_end_together_and_each_is_on_record() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let parameters = MintParameters::default().scopes("calls:read".parse().unwrap());
    let narrow = MintRequest::new(node.prove(&key).await, parameters);
    let name = "worker".parse().unwrap();
    let narrow = node.sessions().mint(&narrow, Some(name)).await.unwrap();
    let wide = node.log_in(&key, "worker").await.unwrap();
    let other = node.log_in(&key, "other").await.unwrap();
    let sessions = [&narrow, &wide].map(|token| *node.judge(token).unwrap().session().unwrap());

    let named = SessionSelector::Named("worker".parse().unwrap());
    let id = key.record.id;
    node.store.end_sessions(&me(), id, named).await.unwrap();
    for token in [&narrow, &wide] {
        assert_eq!(node.judge(token).unwrap_err(), Reason::Superseded);
    }
    node.judge(&other).unwrap();
    let told = node.store.list_audit(&me(), None, 2).await.unwrap();
    for told in &told {
        assert_eq!(told.action, "session.revoke");
        assert_eq!(told.account_id, Some(key.record.account_id));
        assert!(sessions.contains(&told.entity.unwrap()));
        assert_eq!(told.detail["credential"], id.to_string());
    }
    assert_ne!(told[0].entity, told[1].entity);
}

#[tokio::test]
async fn sessions_are_listed_oldest_first_until_their_tokens_expire() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let first = node.log_in(&key, "first").await.unwrap();
    let begun = clock.now();
    clock.advance(HOUR);
    node.log_in(&key, None).await.unwrap();
    let list = async || {
        let list = node
            .store
            .list_sessions(&me(), key.record.id, clock.now())
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
    let session = *node.judge(&first).unwrap().session().unwrap();
    assert_eq!(listed[0].id, session);
    assert_eq!(listed[1].name, None);
    clock.advance(HOUR);
    assert_eq!(list().await, listed[1..]);
}

#[tokio::test]
async fn sessions_of_another_account_can_neither_be_seen_nor_ended() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let token = node.log_in(&key, "s").await.unwrap();
    let session = *node.judge(&token).unwrap().session().unwrap();
    let theirs = node.store.create_account(&me(), "theirs".to_owned()).await;
    let thief = Caller::of_account("thief", theirs.unwrap().id);
    let owner = Caller::of_account("owner", key.record.account_id);
    let id = key.record.id;
    for which in [
        SessionSelector::Id(session),
        SessionSelector::Named("s".parse().unwrap()),
    ] {
        let ended = node.store.end_sessions(&thief, id, which).await;
        assert!(matches!(ended, Err(RegistryError::NotFound)));
    }
    // Nor by the name of another credential.
    let other = node.create_key("other").await.record.id;
    let ended = node
        .store
        .end_sessions(&owner, other, SessionSelector::Id(session))
        .await;
    assert!(matches!(ended, Err(RegistryError::NotFound)));
    for (caller, seen) in [(thief, 0), (owner, 1)] {
        let listed = node.store.list_sessions(&caller, id, clock.now()).await;
        assert_eq!(listed.unwrap().len(), seen);
    }
}

#[tokio::test]
async fn no_more_sessions_of_a_credential_live_than_may() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let request = MintRequest::new(node.prove(&key).await, MintParameters::default());
    let mint = node.sessions().max_sessions(2);
    let ask = async |name: &str| mint.mint(&request, Some(name.parse().unwrap())).await;
    let first = ask("first").await.unwrap();
    clock.advance(Duration::from_secs(60));
    ask("second").await.unwrap();
    let Err(SessionError::TooMany(ends)) = ask("third").await else {
        panic!("two may live");
    };
    assert_eq!(ends, first.expires_at);
    // Those that live are given out still, and other credentials have their own.
    let again = ask("first").await.unwrap();
    assert_eq!(again.token.expose(), first.token.expose());
    let other = node.create_key("other").await;
    node.log_in(&other, "third").await.unwrap();

    let ended = SessionSelector::Named("second".parse().unwrap());
    let id = key.record.id;
    node.store.end_sessions(&me(), id, ended).await.unwrap();
    ask("third").await.unwrap();
    // What is not given out any more makes room, though its token is valid.
    clock.advance(HOUR * 2 - Duration::from_secs(60 + 60));
    node.judge(&first).unwrap();
    ask("fourth").await.unwrap();
}

#[tokio::test]
async fn token_near_its_end_is_not_handed_out_again() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let first = node.log_in(&key, None).await.unwrap();
    // A hundredth would be longer than a minute.
    clock.advance(HOUR * 2 - Duration::from_millis(60_001));
    let again = node.log_in(&key, None).await.unwrap();
    assert_eq!(again.token.expose(), first.token.expose());
    clock.advance(Duration::from_millis(1));
    let next = node.log_in(&key, None).await.unwrap();
    assert_ne!(next.token.expose(), first.token.expose());
    node.judge(&first).unwrap();
}

#[tokio::test]
async fn compromised_key_s_sessions_end_and_make_room() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let token = node.log_in(&key, "one").await.unwrap();
    let id = key.record.id;
    let rotated = node.store.rotate(&me(), id, Rotation::Compromised).await;
    let rotated = rotated.unwrap();
    assert_eq!(node.judge(&token).unwrap_err(), Reason::Superseded);
    let request = MintRequest::new(node.prove(&rotated).await, MintParameters::default());
    let mint = node.sessions().max_sessions(1);
    let next = mint
        .mint(&request, Some("one".parse().unwrap()))
        .await
        .unwrap();
    assert_ne!(next.token.expose(), token.token.expose());
    node.judge(&next).unwrap();
    let listed = node.store.list_sessions(&me(), id, clock.now()).await;
    assert_eq!(listed.unwrap().len(), 1, "those of the old secret are over");
}

#[tokio::test]
async fn session_is_signed_anew_when_its_key_signs_no_more_and_is_counted_once() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let request = MintRequest::new(node.prove(&key).await, MintParameters::default());
    let mint = node.sessions().max_sessions(1);
    let first = mint.mint(&request, None).await.unwrap();
    let lead = Duration::from_secs(60);
    node.store
        .rotate_signing_key(&me(), "default", None, lead)
        .await
        .unwrap();
    let again = mint.mint(&request, None).await.unwrap();
    assert_eq!(again.token.expose(), first.token.expose());
    clock.advance(Duration::from_secs(60));
    let next = mint.mint(&request, None).await.unwrap();
    assert_ne!(next.token.expose(), first.token.expose());
    for token in [&first, &next] {
        node.judge(token).unwrap();
    }
}

#[tokio::test]
async fn token_that_was_denied_by_its_id_is_not_handed_out_again() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let token = node.log_in(&key, None).await.unwrap();
    let denied = DeniedToken {
        issuer: URL.to_owned(),
        token: token.id,
        account: key.record.account_id,
        expires_at: token.expires_at,
    };
    node.store.deny_token(&me(), denied).await.unwrap();
    let next = node.log_in(&key, None).await.unwrap();
    node.judge(&next).unwrap();
    let id = key.record.id;
    let listed = node.store.list_sessions(&me(), id, clock.now()).await;
    let session = *node.judge(&next).unwrap().session().unwrap();
    assert_eq!(
        listed.unwrap().iter().map(|s| s.id).collect::<Vec<_>>(),
        [session]
    );
}

#[tokio::test]
async fn session_s_token_is_the_same_under_another_master_key() {
    let (place, clock) = (Place::new(), clock());
    let here = Node::open(&place, &clock).await;
    let there = Node::open(&place, &clock).await;
    let key = here.create_key("ci").await;
    there.store.catch_up().await.unwrap();
    let token = here.log_in(&key, None).await.unwrap();
    let sealed = "SELECT count(DISTINCT sealed) FROM (
        SELECT sealed FROM sessions UNION ALL SELECT sealed FROM before)";
    place
        .execute("CREATE TABLE before AS SELECT sealed FROM sessions")
        .await;
    here.store.rotate_master_key(&me()).await.unwrap();
    assert_eq!(place.count(sealed).await, 2, "it was sealed anew");
    place.execute("DROP TABLE before").await;
    for node in [here, there] {
        let again = node.log_in(&key, None).await.unwrap();
        assert_eq!(again.token.expose(), token.token.expose());
        node.store.close().await.unwrap();
    }
    let node = Node::open(&place, &clock).await;
    let again = node.log_in(&key, None).await.unwrap();
    assert_eq!(again.token.expose(), token.token.expose());
}

/// Whatever in a session's row is changed by another hand.
#[tokio::test]
async fn token_is_not_handed_to_another_credential_by_whoever_can_write_the_database() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let victim = node.create_key("victim").await;
    let thief = node.create_key("thief").await;
    node.log_in(&victim, "s").await.unwrap();
    place
        .execute(
            "UPDATE sessions SET credential_id = (SELECT id FROM credentials WHERE name = 'thief')",
        )
        .await;
    let stolen = node.log_in(&thief, "s").await;
    assert!(matches!(stolen, Err(SessionError::Unavailable(_))));
    // Nor by moving the sealed token into the thief's own row.
    place.execute("DELETE FROM sessions").await;
    node.log_in(&thief, "s").await.unwrap();
    node.log_in(&victim, "s").await.unwrap();
    place
        .execute(
            "UPDATE sessions SET sealed = (SELECT v.sealed FROM sessions v, credentials c
                 WHERE v.credential_id = c.id AND c.name = 'victim')",
        )
        .await;
    let stolen = node.log_in(&thief, "s").await;
    assert!(matches!(stolen, Err(SessionError::Unavailable(_))));
    node.log_in(&victim, "s").await.unwrap();
}

#[tokio::test]
async fn sessions_are_forgotten_a_day_after_their_tokens_have_expired() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    node.log_in(&key, None).await.unwrap();
    let kept = async || place.count("SELECT count(*) FROM sessions").await;
    clock.advance(HOUR * 2 + DAY);
    node.store.upkeep().await.unwrap();
    assert_eq!(kept().await, 1);
    clock.advance(Duration::from_millis(1));
    node.store.upkeep().await.unwrap();
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn end_of_a_session_is_remembered_for_as_long_as_its_token_lives() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    let token = node.log_in(&key, None).await.unwrap();
    let session = *node.judge(&token).unwrap().session().unwrap();
    // As if tokens had been allowed to live that long by nobody but this one.
    place.execute("UPDATE state SET largest_lifetime = 1").await;
    let id = key.record.id;
    let ended = SessionSelector::Id(session);
    node.store.end_sessions(&me(), id, ended).await.unwrap();
    let until = place.count("SELECT until FROM denied_entities").await;
    assert_eq!(until, token.expires_at.unix_millis());
    let view = Store::open(options(&place, &clock)).await.unwrap();
    assert_eq!(view.directory().lowest_generation(&session), Some(2));
}

#[tokio::test]
async fn token_is_not_handed_out_on_shorter_terms_for_another_audience_or_before_it_begins() {
    let (place, clock) = (Place::new(), clock());
    let node = Node::open(&place, &clock).await;
    let key = node.create_key("ci").await;
    clock.advance(HOUR);
    let first = node.log_in(&key, None).await.unwrap();
    let log_in = async |mint: Mint| {
        let request = MintRequest::new(node.prove(&key).await, MintParameters::default());
        let sessions = SessionMint::new(mint, Arc::new(node.store.clone()));
        let token = sessions.mint(&request, None).await.unwrap();
        (token.token.expose().to_owned(), token.expires_in)
    };
    let terms = |lifetime| IssuanceSettings::new(lifetime, lifetime);
    let again = log_in(node.mint.clone()).await.0;
    assert_eq!(again, first.token.expose(), "control");

    let shorter = node.mint.clone().with_settings(terms(HOUR)).unwrap();
    let (brief, left) = log_in(shorter).await;
    assert_ne!(brief, first.token.expose());
    assert_eq!(
        left, 3600,
        "the verifiers of shorter terms would refuse the first"
    );

    let ring = node.store.signing_keys("default", None).await.unwrap();
    let other = Issuer::builder(URL)
        .audience("https://other.example")
        .signing_keys(ring)
        .settings(terms(HOUR * 2))
        .build()
        .unwrap();
    let (token, _) = log_in(Mint::new(other, clock.clone(), SystemRandom)).await;
    assert_ne!(token, first.token.expose());

    let before = clock.now().unix_seconds() - 1800;
    clock.set(Timestamp::from_unix_seconds(before));
    let (token, left) = log_in(node.mint.clone()).await;
    assert!(token != first.token.expose() && token != brief);
    assert_eq!(left, 7200);
}
