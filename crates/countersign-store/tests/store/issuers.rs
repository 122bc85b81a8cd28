//! Several issuers in one database: each has its own keys, and credentials that may use it.

use std::time::Duration;

use countersign::directory::{Directory as _, IssuerDirectory, Issuers, Status};
use countersign::registry::{NewKey, NewUser, Registry as _};
use countersign::rejection::Reason;
use countersign_store::StoreError;

use crate::node::{Node, URL, clock, options};
use crate::support::{Place, key, me, user};

const OTHER_URL: &str = "https://collections.example";

#[tokio::test]
async fn issuer_is_made_once_and_put_on_record() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.issuers().await.unwrap(), ["default"]);
    for name in ["collections", "default", "collections"] {
        store.ensure_issuer(name).await.unwrap();
    }
    assert_eq!(store.issuers().await.unwrap(), ["default", "collections"]);
    let [told] = &store.list_audit(&me(), None, 9).await.unwrap()[..] else {
        panic!("one was made");
    };
    assert_eq!(
        (&*told.action, &told.detail["name"]),
        ("issuer.create", &"collections".into())
    );
    assert_eq!(store.issuer_url("collections").await.unwrap(), None);
    store.close().await.unwrap();
    let names = place.open().await.issuers().await.unwrap();
    assert_eq!(names, ["default", "collections"]);
}

#[tokio::test]
async fn issuer_whose_name_no_credential_could_give_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    for name in ["", "two words", "Upper", "a/b", &"a".repeat(65)] {
        let error = store.ensure_issuer(name).await.unwrap_err();
        assert!(matches!(error, StoreError::IssuerName(_)), "{name}");
    }
    assert_eq!(store.issuers().await.unwrap(), ["default"]);
}

#[tokio::test]
async fn issuers_keys_stay_apart() {
    let (place, clock) = (Place::new(), clock());
    let ours = Node::open(&place, &clock).await;
    ours.store.ensure_issuer("other").await.unwrap();
    let options = options(&place, &clock);
    let theirs = Node::of(options, &clock, "other", OTHER_URL).await;
    let ring = ours.store.signing_keys("default", None).await.unwrap();
    let kids = async |name: &str| {
        let keys = ours.store.list_signing_keys(name).await.unwrap();
        keys.into_iter().map(|key| key.kid).collect::<Vec<_>>()
    };
    let (own, foreign) = (kids("default").await, kids("other").await);
    assert_eq!((own.len(), foreign.len()), (1, 1));
    assert!(ring.jwks().contains(&own[0]) && !ring.jwks().contains(&foreign[0]));

    let key = ours.create_key("ci").await;
    theirs.store.catch_up().await.unwrap();
    let token = ours.log_in(&key, None).await.unwrap();
    ours.judge(&token).unwrap();
    assert_eq!(theirs.judge(&token).unwrap_err(), Reason::IssuerUntrusted);
    // Nor by one that says that it is the first.
    let posing = crate::node::options(&place, &clock);
    let posing = Node::of(posing, &clock, "other", URL).await;
    assert_eq!(posing.judge(&token).unwrap_err(), Reason::KeyUnknown);
    let forged = posing.log_in(&key, None).await.unwrap();
    assert_eq!(ours.judge(&forged).unwrap_err(), Reason::KeyUnknown);

    clock.advance(Duration::from_millis(1));
    // What is rotated and revoked of the one leaves the other as it was.
    let lead = Duration::from_secs(60);
    let made = theirs
        .store
        .rotate_signing_key(&me(), "other", None, lead)
        .await
        .unwrap();
    theirs
        .store
        .revoke_signing_key(&me(), "other", &foreign[0])
        .await
        .unwrap();
    ours.store.catch_up().await.unwrap();
    assert_eq!(kids("default").await, own);
    assert_eq!(kids("other").await, [made.kid, foreign[0].clone()]);
    ours.judge(&token).unwrap();
    let unknown = ours
        .store
        .revoke_signing_key(&me(), "default", &foreign[0])
        .await;
    assert!(matches!(unknown, Err(StoreError::UnknownSigningKey)));
}

#[tokio::test]
async fn credentials_bound_to_issuers_are_unknown_to_the_others_also_after_the_next_start() {
    let place = Place::new();
    let store = place.open().await;
    let issuers: Issuers = "collections core".parse().unwrap();
    let bound: NewKey = key("bound").issuers(issuers.clone());
    let bound = store.create_key(&me(), bound).await.unwrap().record;
    let free = store.create_key(&me(), key("free")).await.unwrap().record;
    let ada: NewUser = user("ada").issuers(issuers.clone());
    let ada = store.create_user(&me(), ada).await.unwrap();
    assert_eq!((&bound.issuers, &ada.issuers), (&issuers, &issuers));
    store.close().await.unwrap();

    let store = place.open().await;
    for record in [&bound, &free, &ada] {
        assert_eq!(store.show(&me(), record.id).await.unwrap(), *record);
    }
    for (name, known) in [("core", true), ("collections", true), ("default", false)] {
        let seen = IssuerDirectory::new(store.directory(), name);
        assert_eq!(seen.credential(&bound.id).is_some(), known, "{name}");
        assert_eq!(seen.user(&"ada".parse().unwrap()).is_some(), known);
        let found = seen.credential(&free.id).unwrap();
        assert_eq!(found.status, Status::Active);
    }
}

#[tokio::test]
async fn sessions_of_two_issuers_are_two() {
    let (place, clock) = (Place::new(), clock());
    let ours = Node::open(&place, &clock).await;
    ours.store.ensure_issuer("other").await.unwrap();
    let options = options(&place, &clock);
    let theirs = Node::of(options, &clock, "other", OTHER_URL).await;
    let key = ours.create_key("ci").await;
    theirs.store.catch_up().await.unwrap();
    let here = ours.log_in(&key, "s").await.unwrap();
    let there = theirs.log_in(&key, "s").await.unwrap();
    ours.judge(&here).unwrap();
    theirs.judge(&there).unwrap();
    assert_eq!(place.count("SELECT count(*) FROM sessions").await, 2);
}
