//! Several issuers in one database: each has its own keys, and credentials that may use it.

use std::time::Duration;

use countersign::directory::{Directory as _, IssuerDirectory, Issuers, Status};
use countersign::registry::{NewKey, NewUser, Registry as _};
use countersign::rejection::Reason;
use countersign_store::StoreError;

use crate::service::{Service, URL, clock, options};
use crate::support::{TestFolder, new_key, new_user, operator};

const OTHER_URL: &str = "https://collections.example";

#[tokio::test]
async fn issuer_is_created_once_and_recorded_in_the_audit_log() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    assert_eq!(store.issuers().await.unwrap(), ["default"]);
    for name in ["collections", "default", "collections"] {
        store.ensure_issuer(name).await.unwrap();
    }
    assert_eq!(store.issuers().await.unwrap(), ["default", "collections"]);
    let [record] = &store.list_audit(&operator(), None, 9).await.unwrap()[..] else {
        panic!("one was made");
    };
    assert_eq!(
        (&*record.action, &record.detail["name"]),
        ("issuer.create", &"collections".into())
    );
    assert_eq!(store.issuer_url("collections").await.unwrap(), None);
    store.close().await.unwrap();
    let names = folder.open().await.issuers().await.unwrap();
    assert_eq!(names, ["default", "collections"]);
}

#[tokio::test]
async fn issuer_with_an_invalid_name_is_rejected() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    for name in ["", "two words", "Upper", "a/b", &"a".repeat(65)] {
        let error = store.ensure_issuer(name).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidIssuerName(_)), "{name}");
    }
    assert_eq!(store.issuers().await.unwrap(), ["default"]);
}

#[tokio::test]
async fn issuers_have_separate_keys() {
    let (folder, clock) = (TestFolder::new(), clock());
    let first = Service::open(&folder, &clock).await;
    first.store.ensure_issuer("other").await.unwrap();
    let options = options(&folder, &clock);
    let second = Service::with_issuer(options, &clock, "other", OTHER_URL).await;
    let keys = first.store.signing_keys("default", None).await.unwrap();
    let kids = async |name: &str| {
        let keys = first.store.list_signing_keys(name).await.unwrap();
        keys.into_iter().map(|key| key.kid).collect::<Vec<_>>()
    };
    let (own, other) = (kids("default").await, kids("other").await);
    assert_eq!((own.len(), other.len()), (1, 1));
    assert!(keys.jwks().contains(&own[0]) && !keys.jwks().contains(&other[0]));

    let key = first.create_key("ci").await;
    second.store.catch_up().await.unwrap();
    let token = first.open_session(&key, None).await.unwrap();
    first.verify(&token).unwrap();
    assert_eq!(second.verify(&token).unwrap_err(), Reason::IssuerUntrusted);
    // Nor by another issuer that claims to be the first.
    let impostor = crate::service::options(&folder, &clock);
    let impostor = Service::with_issuer(impostor, &clock, "other", URL).await;
    assert_eq!(impostor.verify(&token).unwrap_err(), Reason::KeyUnknown);
    let forged = impostor.open_session(&key, None).await.unwrap();
    assert_eq!(first.verify(&forged).unwrap_err(), Reason::KeyUnknown);

    clock.advance(Duration::from_millis(1));
    // Rotating and revoking a key of one issuer does not affect the other.
    let lead = Duration::from_secs(60);
    let created = second
        .store
        .rotate_signing_key(&operator(), "other", None, lead)
        .await
        .unwrap();
    second
        .store
        .revoke_signing_key(&operator(), "other", &other[0])
        .await
        .unwrap();
    first.store.catch_up().await.unwrap();
    assert_eq!(kids("default").await, own);
    assert_eq!(kids("other").await, [created.kid, other[0].clone()]);
    first.verify(&token).unwrap();
    let unknown = first
        .store
        .revoke_signing_key(&operator(), "default", &other[0])
        .await;
    assert!(matches!(unknown, Err(StoreError::UnknownSigningKey)));
}

#[tokio::test]
async fn credentials_of_some_issuers_are_unknown_to_the_others_also_after_reopening() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let issuers: Issuers = "collections core".parse().unwrap();
    let bound: NewKey = new_key("bound").issuers(issuers.clone());
    let bound = store.create_key(&operator(), bound).await.unwrap().record;
    let free = store
        .create_key(&operator(), new_key("free"))
        .await
        .unwrap()
        .record;
    let ada: NewUser = new_user("ada").issuers(issuers.clone());
    let ada = store.create_user(&operator(), ada).await.unwrap();
    assert_eq!((&bound.issuers, &ada.issuers), (&issuers, &issuers));
    store.close().await.unwrap();

    let store = folder.open().await;
    for record in [&bound, &free, &ada] {
        assert_eq!(store.show(&operator(), record.id).await.unwrap(), *record);
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
async fn sessions_of_two_issuers_are_separate() {
    let (folder, clock) = (TestFolder::new(), clock());
    let first = Service::open(&folder, &clock).await;
    first.store.ensure_issuer("other").await.unwrap();
    let options = options(&folder, &clock);
    let second = Service::with_issuer(options, &clock, "other", OTHER_URL).await;
    let key = first.create_key("ci").await;
    second.store.catch_up().await.unwrap();
    let here = first.open_session(&key, "s").await.unwrap();
    let there = second.open_session(&key, "s").await.unwrap();
    first.verify(&here).unwrap();
    second.verify(&there).unwrap();
    assert_eq!(folder.count("SELECT count(*) FROM sessions").await, 2);
}
