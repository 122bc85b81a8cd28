use super::*;
use crate::directory::MemoryDirectory;
use crate::key::{ImportedKey, Pepper};
use crate::random::SystemRandom;
use crate::registry::{
    Caller, Change, Conflict, MemoryRegistry, NewKey, Registry as _, RegistryError,
};
use crate::secret::Secret;
use crate::time::{Clock as _, SystemClock};

fn pepper(version: u8) -> Pepper {
    Pepper::new(version.into(), &[version; 32]).unwrap()
}

struct Fixture {
    registry: MemoryRegistry,
    peppers: Peppers,
    keys: ApiKeys,
}

impl Fixture {
    fn new() -> Self {
        let directory = Arc::new(MemoryDirectory::default());
        let peppers = Peppers::new(pepper(1), []);
        let shared = (Arc::clone(&directory), peppers.clone());
        let registry = MemoryRegistry::new(shared.0, shared.1, SystemClock, SystemRandom);
        Self {
            registry: registry.unwrap(),
            keys: ApiKeys::new(directory, peppers.clone()).imported(),
            peppers,
        }
    }

    async fn import(&self, key: &str) -> Result<Id, RegistryError> {
        self.import_digest(ImportedKey::of(key.as_bytes())).await
    }

    async fn import_digest(&self, key: ImportedKey) -> Result<Id, RegistryError> {
        let new = NewKey::new("old", "a".parse().unwrap());
        let imported = self
            .registry
            .import_key(&Caller::operator("test"), new, key)
            .await;
        Ok(imported?.id)
    }

    fn verify(&self, keys: &ApiKeys, key: &str) -> Result<Identity, Reason> {
        let credentials = Credentials::key(Secret::from(key.to_owned()));
        match keys.try_authenticate(&credentials, &RequestHead::empty(), SystemClock.now()) {
            Some(Outcome::Accepted(identity)) => Ok(identity),
            Some(Outcome::Rejected(reason) | Outcome::Unavailable(reason)) => Err(reason),
            other => panic!("{other:?}"),
        }
    }
}

const KEY: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

#[tokio::test]
async fn imported_key_is_accepted_by_its_whole_text_only() {
    let fixture = Fixture::new();
    let id = fixture.import(KEY).await.unwrap();
    assert!(fixture.verify(&fixture.keys, KEY).is_ok());
    for other in [
        &KEY[1..],
        "",
        "x",
        &KEY.to_lowercase(),
        &id.to_string(),
        &"x".repeat(2000),
    ] {
        let rejected = fixture.verify(&fixture.keys, other).map(drop);
        assert_eq!(rejected, Err(Reason::KeyMalformed), "{other}");
    }
    let without = ApiKeys {
        imported: false,
        ..fixture.keys.clone()
    };
    let rejected = fixture.verify(&without, KEY).map(drop);
    assert_eq!(rejected, Err(Reason::KeyMalformed));
}

#[tokio::test]
async fn short_text_is_no_imported_key() {
    let fixture = Fixture::new();
    for (key, accepted) in [
        ("", false),
        ("undefined", false),
        ("0123456789abcde", false),
        ("0123456789abcdef", true),
    ] {
        fixture.import(key).await.unwrap();
        assert_eq!(
            fixture.verify(&fixture.keys, key).is_ok(),
            accepted,
            "{key}"
        );
    }
}

#[tokio::test]
async fn imported_keys_are_throttled_before_they_are_looked_up_and_own_keys_are_not() {
    use std::num::NonZeroU32;
    let fixture = Fixture::new();
    fixture.import(KEY).await.unwrap();
    let new = NewKey::new("own", "a".parse().unwrap());
    let operator = Caller::operator("test");
    let created = fixture.registry.create_key(&operator, new);
    let own = created.await.unwrap().issued.key;
    let limit = FailureLimit::new(NonZeroU32::MIN, std::time::Duration::from_secs(60));
    let keys = fixture.keys.clone().failure_limit(limit);
    let outcome = |key: &str| {
        let address = Some(ClientAddress::Known("192.0.2.1".parse().unwrap()));
        let credentials = Credentials::key(Secret::from(key.to_owned())).presented_from(address);
        let now = SystemClock.now();
        keys.try_authenticate(&credentials, &RequestHead::empty(), now)
    };
    assert!(matches!(outcome(KEY), Some(Outcome::Accepted(_))));
    assert!(matches!(
        outcome("a guess of a key"),
        Some(Outcome::Rejected(_))
    ));
    assert!(matches!(outcome(KEY), Some(Outcome::Throttled { .. })));
    assert!(matches!(outcome(own.expose()), Some(Outcome::Accepted(_))));
}

#[tokio::test]
async fn imported_key_ends_with_its_credential() {
    let fixture = Fixture::new();
    let id = fixture.import(KEY).await.unwrap();
    let operator = Caller::operator("test");
    for (change, reason) in [
        (Change::Suspend, Reason::CredentialSuspended),
        (Change::Revoke { reason: None }, Reason::CredentialRevoked),
        (Change::Delete, Reason::KeyMalformed),
    ] {
        fixture
            .registry
            .change(&operator, id, change)
            .await
            .unwrap();
        assert_eq!(fixture.verify(&fixture.keys, KEY).map(drop), Err(reason));
    }
}

#[tokio::test]
async fn imported_key_is_found_under_an_older_pepper_and_cannot_be_imported_twice() {
    let fixture = Fixture::new();
    fixture.import(KEY).await.unwrap();
    fixture.peppers.replace(pepper(2), [pepper(1)]);
    assert!(fixture.verify(&fixture.keys, KEY).is_ok());
    let again = fixture.import(KEY).await;
    assert!(matches!(
        again,
        Err(RegistryError::Conflict(Conflict::AlreadyImported))
    ));
    fixture.peppers.replace(pepper(3), []);
    assert_eq!(
        fixture.verify(&fixture.keys, KEY).map(drop),
        Err(Reason::KeyMalformed)
    );
}

#[tokio::test]
async fn token_is_never_an_imported_key() {
    let fixture = Fixture::new();
    let token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
    fixture.import(token).await.unwrap();
    let rejected = fixture.verify(&fixture.keys, token).map(drop);
    assert_eq!(rejected, Err(Reason::TokenAsSecret));
}

#[tokio::test]
async fn key_that_is_imported_by_an_hmac_is_accepted_while_its_pepper_is_there() {
    let fixture = Fixture::new();
    // Python: hmac.new(b"key of another system", b"secret-1-of-16-bytes", "sha256").hexdigest()
    let hex = "2996741ad17f5551c0cac5697c693dc1a6e80eea3a522267feedd5c4e68d9a7c";
    let imported = ImportedKey::from_hmac(hex, 2).unwrap();
    let without = fixture.import_digest(imported).await;
    assert!(matches!(
        without,
        Err(RegistryError::Conflict(Conflict::PepperMissing))
    ));
    let other = Pepper::imported(2, b"key of another system").unwrap();
    fixture.peppers.replace(pepper(1), [other]);
    fixture.import_digest(imported).await.unwrap();
    assert!(
        fixture
            .verify(&fixture.keys, "secret-1-of-16-bytes")
            .is_ok()
    );
    assert!(
        fixture
            .verify(&fixture.keys, "secret-2-of-16-bytes")
            .is_err()
    );
    fixture.peppers.replace(pepper(1), []);
    assert!(
        fixture
            .verify(&fixture.keys, "secret-1-of-16-bytes")
            .is_err()
    );
}
