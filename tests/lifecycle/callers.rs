//! What a caller asked for is done only while its credential stands, however long it waited for its turn.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use countersign::auth::PrimaryAuthenticator;
use countersign::credentials::Credentials;
use countersign::directory::{Directory, MemoryDirectory};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::ApiKeys;
use countersign::random::SystemRandom;
use countersign::registry::{
    Caller, Change, MemoryRegistry, NewKey, Owner, Registry, RegistryError, Rotation,
};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, StoreOptions};
use serde_json::json;

use crate::harness::{Home, Server, api_key};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

struct Place {
    clock: FixedClock,
    registry: Arc<dyn Registry>,
    directory: Arc<dyn Directory>,
    peppers: Peppers,
    _folder: Option<tempfile::TempDir>,
}

fn in_memory() -> Place {
    let clock = FixedClock::at(NOW);
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let table = Arc::clone(&directory);
    let registry = MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom);
    Place {
        clock,
        registry: Arc::new(registry.unwrap()),
        directory,
        peppers,
        _folder: None,
    }
}

async fn on_disk() -> Place {
    let clock = FixedClock::at(NOW);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("x.db").display());
    let mut options = StoreOptions::new(url);
    options.clock = Arc::new(clock.clone());
    let store = Store::open(options).await.unwrap();
    Place {
        clock,
        directory: store.directory(),
        peppers: store.peppers(),
        registry: Arc::new(store),
        _folder: Some(folder),
    }
}

/// What ends a caller's credential.
#[derive(Clone, Copy, Debug)]
enum End {
    Suspended,
    Revoked,
    Deleted,
    Narrowed,
    Compromised,
    Expired,
    AccountRevoked,
}

const ENDS: [End; 7] = [
    End::Suspended,
    End::Revoked,
    End::Deleted,
    End::Narrowed,
    End::Compromised,
    End::Expired,
    End::AccountRevoked,
];

#[tokio::test]
async fn change_asked_for_by_a_caller_that_has_ended_is_not_made() {
    for end in ENDS {
        for place in [in_memory(), on_disk().await] {
            let lapsed = ended(&place, end).await;
            let error = lapsed.expect_err("a change was made");
            assert!(
                matches!(error, RegistryError::CallerRevoked),
                "{end:?}: {error}"
            );
        }
    }
}

/// Proves a caller, ends its credential, and lets it make a key.
async fn ended(place: &Place, end: End) -> Result<(), RegistryError> {
    let (registry, operator) = (&place.registry, Caller::operator("test"));
    let account = registry
        .create_account(&operator, "a".to_owned())
        .await
        .unwrap();
    let owner = Owner {
        account: Some(account.id),
        environment: None,
    };
    let soon = place.clock.now().plus(Duration::from_secs(60));
    let new = NewKey::new("admin", "*".parse().unwrap())
        .owner(owner)
        .expires_at(soon);
    let made = registry.create_key(&operator, new).await.unwrap();
    let keys = ApiKeys::new(Arc::clone(&place.directory), place.peppers.clone());
    let authenticator = PrimaryAuthenticator::builder().primary(keys);
    let authenticator = authenticator.clock(place.clock.clone()).build().unwrap();
    let judged = authenticator.authenticate(Credentials::key(made.issued.key.clone()));
    let caller = Caller::of_account("admin", account.id).proven_by(&judged.await.unwrap());
    let backdoor = || NewKey::new("backdoor", "*".parse().unwrap());
    registry
        .create_key(&caller, backdoor())
        .await
        .expect("it stands");

    let id = made.record.id;
    let change = |change| registry.change(&operator, id, change);
    match end {
        End::Suspended => drop(change(Change::Suspend).await.unwrap()),
        End::Revoked => drop(change(Change::Revoke { reason: None }).await.unwrap()),
        End::Deleted => {
            change(Change::Revoke { reason: None }).await.unwrap();
            change(Change::Delete).await.unwrap();
        }
        End::Narrowed => drop(
            change(Change::Scopes("a:b".parse().unwrap()))
                .await
                .unwrap(),
        ),
        End::Compromised => {
            registry
                .rotate(&operator, id, Rotation::Compromised)
                .await
                .unwrap();
        }
        End::Expired => place.clock.advance(Duration::from_secs(60)),
        End::AccountRevoked => drop(
            registry
                .revoke_account(&operator, account.id)
                .await
                .unwrap(),
        ),
    }
    registry.create_key(&caller, backdoor()).await.map(drop)
}

/// The audit has the order in which things were done.
#[test]
fn administrator_makes_no_key_after_its_own_is_revoked_however_many_it_asked_for_before() {
    let home = Home::new();
    let operator = home.create_key("*").key;
    let admin = home.create_key("*");
    let server = Server::start(&home, &[]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let new = json!({ "name": "backdoor", "scopes": ["*"] }).to_string();
                loop {
                    let made = server.send("POST", "/admin/v1/keys", &[api_key(&admin.key)], &new);
                    match made.status {
                        201 => {}
                        401 => return,
                        other => panic!("{other}: {made:?}"),
                    }
                }
            });
        }
        let path = format!("/admin/v1/keys/{}/revoke", admin.id);
        let made = || {
            server
                .get("/admin/v1/keys?limit=1000", &[api_key(&operator)])
                .json()
        };
        while made()["keys"].as_array().unwrap().len() < 20 {}
        let revoked = server.send("POST", &path, &[api_key(&operator)], "{}");
        assert_eq!(revoked.status, 200, "{revoked:?}");
    });
    let told = server
        .get("/admin/v1/audit?limit=1000", &[api_key(&operator)])
        .json();
    let told = told["records"].as_array().unwrap();
    let number = |record: &serde_json::Value| record["number"].as_i64().unwrap();
    let revoked = told
        .iter()
        .find(|record| record["action"] == "key.revoke")
        .unwrap();
    let of_admin = told.iter().filter(|record| record["actor"] == admin.id);
    assert!(of_admin.clone().count() >= 10);
    for record in of_admin {
        assert!(number(record) < number(revoked), "{record}");
    }
}
