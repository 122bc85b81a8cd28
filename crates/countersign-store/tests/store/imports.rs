//! Keys of other systems: a repeated import finds a key whatever happened to it since.

use countersign::Secret;
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::Directory as _;
use countersign::key::ImportedKey;
use countersign::mechanism::{Mechanism as _, Outcome};
use countersign::registry::backend::StoredSecret;
use countersign::registry::{Change, Conflict, Record, Registry as _, RegistryError, Rotation};
use countersign::time::Timestamp;
use countersign_store::Store;

use crate::support::{REVOKE, TestFolder, new_key, operator};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const KEY: &str = "secret-1 of another system";
const HMAC_KEY: &str = "key of another system";
/// Python: `hmac.new(b"key of another system", b"secret-1 of another system", "sha256").hexdigest()`
const HMAC: &str = "fd94f35a6405f5cd982a06e723f4fdaa9272843594a248dcf362f3e04d223d9d";

/// Imports the key by its HMAC or its SHA-256.
async fn import(store: &Store, by_hmac: bool) -> Result<Record, RegistryError> {
    let key = if by_hmac {
        let key = Secret::from(HMAC_KEY.to_owned());
        let pepper = store.import_pepper(&operator(), &key).await.unwrap();
        ImportedKey::from_hmac(HMAC, pepper).unwrap()
    } else {
        ImportedKey::of(KEY.as_bytes())
    };
    store.import_key(&operator(), new_key("old"), key).await
}

/// Returns whether the key is accepted. Its digest is replaced at the next maintenance.
fn is_accepted(store: &Store) -> bool {
    let presented = Credentials::key(Secret::from(KEY.to_owned()));
    let keys = store.api_keys().imported();
    let outcome = keys.try_authenticate(&presented, &RequestHead::empty(), NOW);
    matches!(outcome, Some(Outcome::Accepted(_)))
}

#[track_caller]
fn assert_present(again: &Result<Record, RegistryError>) {
    assert!(
        matches!(
            again,
            Err(RegistryError::Conflict(Conflict::AlreadyImported))
        ),
        "{again:?}"
    );
}

#[tokio::test]
async fn import_is_found_again_after_its_first_use_and_after_rotations_of_the_pepper() {
    for by_hmac in [true, false] {
        let folder = TestFolder::new();
        let store = folder.open().await;
        let id = import(&store, by_hmac).await.unwrap().id;
        assert_present(&import(&store, by_hmac).await);
        for _ in 0..3 {
            assert!(is_accepted(&store));
            store.maintain().await.unwrap();
            assert_present(&import(&store, by_hmac).await);
            store.rotate_pepper(&operator()).await.unwrap();
        }
        store.change(&operator(), id, REVOKE).await.unwrap();
        assert_present(&import(&store, by_hmac).await);
        assert!(!is_accepted(&store));

        // A deleted key can be imported again.
        store.change(&operator(), id, Change::Delete).await.unwrap();
        import(&store, by_hmac).await.unwrap();
        assert!(is_accepted(&store));
    }
}

#[tokio::test]
async fn repeated_import_does_not_bring_back_a_key_that_was_compromised() {
    for by_hmac in [true, false] {
        let folder = TestFolder::new();
        let store = folder.open().await;
        let id = import(&store, by_hmac).await.unwrap().id;
        let rotated = store.rotate(&operator(), id, Rotation::Compromised).await;
        let rotated = rotated.unwrap();
        for _ in 0..3 {
            assert!(!is_accepted(&store));
            assert_present(&import(&store, by_hmac).await);
            store.rotate_pepper(&operator()).await.unwrap();
            // The digest of the new secret is replaced.
            let presented = Credentials::key(rotated.issued.key.clone());
            let outcome = store.api_keys();
            let outcome = outcome.try_authenticate(&presented, &RequestHead::empty(), NOW);
            assert!(matches!(outcome, Some(Outcome::Accepted(_))));
            store.maintain().await.unwrap();
        }
        let secret = store.directory().credential(&id).unwrap().secret;
        assert!(matches!(secret, StoredSecret::Key(_)));
    }
}

#[tokio::test]
async fn key_that_was_imported_by_its_hmac_and_used_is_found_by_its_sha256() {
    let folder = TestFolder::new();
    let store = folder.open().await;
    import(&store, true).await.unwrap();
    assert!(is_accepted(&store));
    store.maintain().await.unwrap();
    assert_present(&import(&store, false).await);
}
