//! The credential that created another one.

use std::time::Duration;

use countersign::directory::{CredentialKind, Status};
use countersign::key::ImportedKey;
use countersign::registry::{
    Caller, Change, CredentialFilter, NewKey, NewToken, NewUser, Record, Rotation,
};
use countersign::time::Clock as _;

use crate::backend::Backend;

const KINDS: [CredentialKind; 3] = [
    CredentialKind::Key,
    CredentialKind::User,
    CredentialKind::Token,
];

fn operator() -> Caller {
    Caller::operator("test")
}

fn new_key() -> NewKey {
    NewKey::new("k", "*".parse().unwrap())
}

/// Creates two keys, a user and a managed token.
async fn create_some(backend: &Backend, caller: &Caller, user: &str) {
    let registry = &backend.registry;
    registry.create_key(caller, new_key()).await.unwrap();
    let imported = ImportedKey::of(user.as_bytes());
    let imported = registry.import_key(caller, new_key(), imported);
    imported.await.unwrap();
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
    let user = NewUser::new(
        user.parse().unwrap(),
        hash.parse().unwrap(),
        "*".parse().unwrap(),
    );
    registry.create_user(caller, user).await.unwrap();
    let end = backend.clock.now().plus(Duration::from_secs(3600));
    let token = NewToken::new("a".parse().unwrap(), end);
    backend
        .tokens
        .create_token(caller, token, None)
        .await
        .unwrap();
}

/// Lists what a caller's credential created.
async fn created_by(backend: &Backend, caller: &Caller) -> Vec<Record> {
    let creator = *caller.credential().unwrap();
    let mut created = Vec::new();
    for kind in KINDS {
        let filter = CredentialFilter::of(kind).created_by(creator);
        created.extend(backend.registry.list(&operator(), filter).await.unwrap());
    }
    created
}

#[tokio::test]
async fn record_of_every_credential_names_the_one_that_created_it() {
    for backend in Backend::all().await {
        let caller = backend.caller(new_key()).await;
        let other = backend.caller(new_key()).await;
        create_some(&backend, &caller, "ada").await;
        create_some(&backend, &other, "bob").await;
        let created = created_by(&backend, &caller).await;
        let kinds: Vec<_> = created.iter().map(|record| record.kind).collect();
        assert_eq!(kinds, [KINDS[0], KINDS[0], KINDS[1], KINDS[2]]);
        for record in created {
            assert_eq!(record.created_by.as_ref(), caller.credential());
            assert!(!record.created_by_user);
            let shown = backend.registry.show(&operator(), record.id).await;
            assert_eq!(shown.unwrap(), record);
        }
        let (operator, id) = (operator(), *caller.credential().unwrap());
        let shown = backend.registry.show(&operator, id).await.unwrap();
        assert_eq!(shown.created_by, None);
    }
}

#[tokio::test]
async fn compromised_or_revoked_credential_ends_its_managed_tokens_and_not_its_keys_and_users() {
    for backend in Backend::all().await {
        let (caller, other) = (
            backend.caller(new_key()).await,
            backend.caller(new_key()).await,
        );
        create_some(&backend, &caller, "ada").await;
        create_some(&backend, &other, "bob").await;
        let (registry, operator) = (&backend.registry, operator());
        let id = *caller.credential().unwrap();
        let compromised = registry.rotate(&operator, id, Rotation::Compromised);
        compromised.await.unwrap();
        let id = *other.credential().unwrap();
        let revoke = Change::Revoke { reason: None };
        registry.change(&operator, id, revoke).await.unwrap();
        for caller in [caller, other] {
            for record in created_by(&backend, &caller).await {
                let expected = match record.kind {
                    CredentialKind::Token => Status::Revoked,
                    _ => Status::Active,
                };
                assert_eq!(record.status, expected, "{:?}", record.kind);
            }
        }
    }
}
