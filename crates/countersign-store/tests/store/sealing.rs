//! Encryption of secrets: issuers, signing keys and peppers.

use std::fs;
use std::sync::Arc;

use countersign::jose::Algorithm;
use countersign::registry::Registry as _;
use countersign::time::Timestamp;
use countersign_store::{Store, StoreError};

use crate::support::{RecordingRandom, TestFolder, new_key, operator};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

#[tokio::test]
async fn signing_key_is_created_once() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let created = store.signing_keys("default", Some(Algorithm::EdDsa)).await;
    let created = created.unwrap().signing_at(NOW).unwrap().id().to_owned();
    store.close().await.unwrap();
    let again = folder.open().await;
    let stored = again.signing_keys("default", Some(Algorithm::EdDsa)).await;
    assert_eq!(stored.unwrap().signing_at(NOW).unwrap().id(), created);
}

#[tokio::test]
async fn signing_key_of_another_algorithm_is_an_error_that_names_the_algorithm() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    store
        .signing_keys("default", Some(Algorithm::Es256))
        .await
        .unwrap();
    let error = store.signing_keys("default", Some(Algorithm::EdDsa)).await;
    let error = error.unwrap_err();
    assert!(matches!(error, StoreError::AlgorithmMismatch { .. }));
    assert!(error.to_string().contains("configure ES256"));
}

#[tokio::test]
async fn issuer_that_was_not_created_is_unknown() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    let key = store.signing_keys("other", Some(Algorithm::EdDsa)).await;
    assert!(matches!(key, Err(StoreError::UnknownIssuer(_))));
    let url = store.issuer_url("other").await;
    assert!(matches!(url, Err(StoreError::UnknownIssuer(_))));
    let url = store.set_issuer_url("other", "http://x").await;
    assert!(matches!(url, Err(StoreError::UnknownIssuer(_))));
}

#[tokio::test]
async fn issuer_url_is_recorded_in_the_audit_log_when_it_is_stored() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    for url in ["http://x", "http://y"] {
        store.set_issuer_url("default", url).await.unwrap();
    }
    let [record] = &store.list_audit(&operator(), None, 9).await.unwrap()[..] else {
        panic!("one was stored");
    };
    assert_eq!(
        (&*record.actor, &*record.action, &record.detail["url"]),
        ("store", "issuer.url", &"http://x".into())
    );
}

#[tokio::test]
async fn issuer_url_is_stored_once_and_never_changed() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    assert_eq!(store.issuer_url("default").await.unwrap(), None);
    let first = store.set_issuer_url("default", "http://127.0.0.1:8080");
    assert_eq!(first.await.unwrap(), "http://127.0.0.1:8080");
    let second = folder.open().await;
    let other = second.set_issuer_url("default", "http://127.0.0.1:9090");
    assert_eq!(other.await.unwrap(), "http://127.0.0.1:8080");
    let stored = store.issuer_url("default").await.unwrap();
    assert_eq!(stored.as_deref(), Some("http://127.0.0.1:8080"));
}

#[tokio::test]
async fn secrets_that_were_swapped_between_tables_are_rejected() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    store
        .signing_keys("default", Some(Algorithm::Hs256))
        .await
        .unwrap();
    // Both are 32 bytes encrypted with the same key: only their contexts differ.
    folder
        .execute("UPDATE signing_keys SET sealed = (SELECT sealed FROM peppers)")
        .await;
    let error = store.signing_keys("default", Some(Algorithm::Hs256)).await;
    assert!(matches!(error, Err(StoreError::Unseal(_))));
}

#[tokio::test]
async fn secrets_that_were_swapped_between_rows_are_rejected() {
    let folder = TestFolder::sqlite();
    let store = folder.open().await;
    folder
        .execute(
            "INSERT INTO issuers (id, name, created_at)
             VALUES (x'0101010101010101010101010101010101010101', 'other', 0)",
        )
        .await;
    store
        .signing_keys("default", Some(Algorithm::EdDsa))
        .await
        .unwrap();
    store
        .signing_keys("other", Some(Algorithm::EdDsa))
        .await
        .unwrap();
    folder
        .execute(
            "CREATE TEMP TABLE swap AS SELECT a.id, b.sealed FROM signing_keys a, signing_keys b
                 WHERE a.id <> b.id;
             UPDATE signing_keys SET sealed =
                 (SELECT sealed FROM swap WHERE swap.id = signing_keys.id)",
        )
        .await;
    for issuer in ["default", "other"] {
        let error = store.signing_keys(issuer, Some(Algorithm::EdDsa)).await;
        assert!(matches!(error, Err(StoreError::Unseal(_))), "{issuer}");
    }
}

#[tokio::test]
async fn pepper_with_a_changed_version_is_rejected() {
    let folder = TestFolder::new();
    folder.open().await.close().await.unwrap();
    folder.execute("UPDATE peppers SET version = 2").await;
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal(_)));
}

#[tokio::test]
async fn no_secret_is_in_the_database_or_its_log_in_clear() {
    let folder = TestFolder::sqlite();
    let random = RecordingRandom::default();
    let mut options = folder.options();
    options.random = Arc::new(random.clone());
    let store = Store::open(options).await.unwrap();
    let created = store
        .create_key(&operator(), new_key("canary-name"))
        .await
        .unwrap();
    let pair = store
        .signing_keys("default", Some(Algorithm::EdDsa))
        .await
        .unwrap();

    let mut needles = random.secrets();
    assert_eq!(needles.len(), 4, "master key, pepper, audit key, key");
    let pair = pair.signing_at(NOW).unwrap().to_secret_bytes().unwrap();
    // PKCS #8 ends with the private key itself.
    needles.push(pair[pair.len() - 32..].to_vec());
    needles.push(created.issued.secret.expose().as_bytes().to_vec());
    let key_file = fs::read(folder.file("countersign.key")).unwrap();
    needles.push(key_file.trim_ascii().to_vec());

    let mut found = 0;
    for step in ["open", "closed"] {
        if step == "closed" {
            store.close().await.unwrap();
        }
        for name in ["countersign.db", "countersign.db-wal"] {
            let bytes = fs::read(folder.file(name)).unwrap_or_default();
            let has = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
            found += usize::from(has(b"canary-name"));
            for needle in &needles {
                assert!(!has(needle), "a secret is in {name}, {step}");
            }
        }
    }
    assert_eq!(found, 2, "first in the log, then in the file");
    let shown = format!("{store:?} {:?} {created:?}", folder.options());
    assert!(!shown.contains(created.issued.secret.expose()));
}
