//! A registry rejects the change of a caller whose credential was suspended, revoked, narrowed or rotated as compromised,
//! or has expired, since the caller was authenticated.

use std::thread;
use std::time::Duration;

use countersign::registry::{Caller, Change, NewKey, Owner, RegistryError, Rotation};
use countersign::time::Clock as _;
use serde_json::json;

use crate::backend::Backend;
use crate::harness::{Home, Server, api_key};

/// An event after which the credential of a caller is no longer valid as it was.
#[derive(Clone, Copy, Debug)]
enum Revocation {
    Suspended,
    Revoked,
    Deleted,
    Narrowed,
    Compromised,
    Expired,
    AccountRevoked,
}

const REVOCATIONS: [Revocation; 7] = [
    Revocation::Suspended,
    Revocation::Revoked,
    Revocation::Deleted,
    Revocation::Narrowed,
    Revocation::Compromised,
    Revocation::Expired,
    Revocation::AccountRevoked,
];

#[tokio::test]
async fn change_of_a_caller_is_rejected_after_its_credential_was_revoked() {
    for revocation in REVOCATIONS {
        for backend in Backend::all().await {
            let result = create_key_after(&backend, revocation).await;
            let error = result.expect_err("the key was created");
            assert!(
                matches!(error, RegistryError::CallerRevoked),
                "{revocation:?}: {error}"
            );
        }
    }
}

/// Authenticates a caller, revokes its credential, and creates a key as that caller.
async fn create_key_after(backend: &Backend, revocation: Revocation) -> Result<(), RegistryError> {
    let (registry, operator) = (&backend.registry, Caller::operator("test"));
    let account = registry
        .create_account(&operator, "a".to_owned())
        .await
        .unwrap();
    let owner = Owner {
        account: Some(account.id),
        environment: None,
    };
    let soon = backend.clock.now().plus(Duration::from_secs(60));
    let new = NewKey::new("admin", "*".parse().unwrap())
        .owner(owner)
        .expires_at(soon);
    let created = registry.create_key(&operator, new).await.unwrap();
    let principal = backend.principal(&created).await;
    let caller = Caller::authenticated(&principal).unwrap();
    let backdoor = || NewKey::new("backdoor", "*".parse().unwrap()).expires_at(soon);
    registry
        .create_key(&caller, backdoor())
        .await
        .expect("the credential is valid");

    let id = created.record.id;
    let change = |change| registry.change(&operator, id, change);
    match revocation {
        Revocation::Suspended => drop(change(Change::Suspend).await.unwrap()),
        Revocation::Revoked => drop(change(Change::Revoke { reason: None }).await.unwrap()),
        Revocation::Deleted => {
            change(Change::Revoke { reason: None }).await.unwrap();
            change(Change::Delete).await.unwrap();
        }
        Revocation::Narrowed => drop(
            change(Change::Scopes("a:b".parse().unwrap()))
                .await
                .unwrap(),
        ),
        Revocation::Compromised => {
            registry
                .rotate(&operator, id, Rotation::Compromised)
                .await
                .unwrap();
        }
        Revocation::Expired => backend.clock.advance(Duration::from_secs(60)),
        Revocation::AccountRevoked => drop(
            registry
                .revoke_account(&operator, account.id)
                .await
                .unwrap(),
        ),
    }
    registry.create_key(&caller, backdoor()).await.map(drop)
}

/// The numbers of the audit records are the order in which changes were committed.
#[test]
fn administrator_creates_no_key_after_its_own_was_revoked_under_concurrent_requests() {
    let home = Home::new();
    let operator = home.create_key("*").key;
    let admin = home.create_key("*");
    let server = Server::start(&home, &[]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let new = json!({ "name": "backdoor", "scopes": ["*"] }).to_string();
                loop {
                    let created =
                        server.send("POST", "/admin/v1/keys", &[api_key(&admin.key)], &new);
                    match created.status {
                        201 => {}
                        401 => return,
                        other => panic!("{other}: {created:?}"),
                    }
                }
            });
        }
        let path = format!("/admin/v1/keys/{}/revoke", admin.id);
        let keys = || {
            server
                .get("/admin/v1/keys?limit=1000", &[api_key(&operator)])
                .json()
        };
        while keys()["keys"].as_array().unwrap().len() < 20 {}
        let revoked = server.send("POST", &path, &[api_key(&operator)], "{}");
        assert_eq!(revoked.status, 200, "{revoked:?}");
    });
    let audit = server
        .get("/admin/v1/audit?limit=1000", &[api_key(&operator)])
        .json();
    let records = audit["records"].as_array().unwrap();
    let number = |record: &serde_json::Value| record["number"].as_i64().unwrap();
    let revoked = records
        .iter()
        .find(|record| record["action"] == "key.revoke")
        .unwrap();
    let of_admin = records.iter().filter(|record| record["actor"] == admin.id);
    assert!(of_admin.clone().count() >= 10);
    for record in of_admin {
        assert!(number(record) < number(revoked), "{record}");
    }
}
