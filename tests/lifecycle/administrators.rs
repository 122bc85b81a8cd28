//! An administrator gives only access that it holds. Taking access away is always permitted.

use std::time::Duration;

use countersign::directory::{CredentialKind, EnvironmentKind, Status};
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::Jwt;
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::{
    Caller, Change, CreatedKey, IdempotentOutcome, NewEnvironment, NewKey, NewToken, NewUser,
    NotHeld, Owner, Record, RegistryError, Rotation,
};
use countersign::time::Clock as _;
use countersign::{Id, Scopes};

use crate::backend::Backend;

const HOUR: Duration = Duration::from_secs(3600);

fn scopes(text: &str) -> Scopes {
    text.parse().unwrap()
}

fn operator() -> Caller {
    Caller::operator("test")
}

/// An account with a production environment and a sandbox.
struct Account {
    id: Id,
    production: Id,
    sandbox: Id,
}

impl Account {
    async fn new(backend: &Backend) -> Self {
        let operator = operator();
        let account = backend.registry.create_account(&operator, "a".to_owned());
        let id = account.await.unwrap().id;
        let environment = async |name, kind| {
            let new = NewEnvironment::new(name, kind).account(id);
            let created = backend.registry.create_environment(&operator, new).await;
            created.unwrap().id
        };
        Self {
            id,
            production: environment("production", EnvironmentKind::Production).await,
            sandbox: environment("sandbox", EnvironmentKind::Sandbox).await,
        }
    }

    /// Returns the properties of a key of the production environment that holds everything.
    fn strong_key(&self) -> NewKey {
        NewKey::new("strong", scopes("*")).owner(Owner {
            account: Some(self.id),
            environment: Some(self.production),
        })
    }
}

/// Returns the properties of a key that lacks one thing of the strong key.
fn without(lacking: NotHeld, account: &Account, backend: &Backend) -> NewKey {
    let mut new = account.strong_key();
    match lacking {
        NotHeld::Scopes => new.scopes = scopes("countersign:admin calls:*"),
        NotHeld::Issuers => new.issuers = "core".parse().unwrap(),
        NotHeld::Networks => new.allow_from = "192.0.2.0/24".parse().unwrap(),
        NotHeld::Expiry => new.expires_at = Some(backend.clock.now().plus(HOUR)),
        NotHeld::Environment => new.owner.environment = Some(account.sandbox),
        other => panic!("{other:?}"),
    }
    new
}

const LACKING: [NotHeld; 5] = [
    NotHeld::Scopes,
    NotHeld::Issuers,
    NotHeld::Networks,
    NotHeld::Expiry,
    NotHeld::Environment,
];

async fn create(backend: &Backend, new: NewKey) -> CreatedKey {
    backend.registry.create_key(&operator(), new).await.unwrap()
}

/// Creates a key, and returns the caller that it authenticates.
async fn caller(backend: &Backend, new: NewKey) -> Caller {
    let key = create(backend, new).await;
    Caller::authenticated(&backend.principal(&key).await).unwrap()
}

#[track_caller]
fn assert_not_held<T>(result: Result<T, RegistryError>, lacking: NotHeld, what: &str) {
    match result {
        Err(RegistryError::NotHeld(found)) => assert_eq!(found, lacking, "{what}"),
        Err(other) => panic!("{what} without {lacking:?}: {other}"),
        Ok(_) => panic!("{what} without {lacking:?}"),
    }
}

#[tokio::test]
async fn administrator_changes_no_credential_that_holds_more() {
    for backend in Backend::all().await {
        let account = Account::new(&backend).await;
        let registry = &backend.registry;
        for lacking in LACKING {
            let weak = caller(&backend, without(lacking, &account, &backend)).await;
            let strong = create(&backend, account.strong_key()).await.record;
            let id = strong.id;
            let narrower = Change::Scopes(scopes("calls:read"));
            assert_not_held(
                registry.change(&weak, id, narrower).await,
                lacking,
                "narrow",
            );
            let grace = Rotation::Grace(HOUR);
            for rotation in [
                grace,
                Rotation::Grace(Duration::ZERO),
                Rotation::Compromised,
            ] {
                assert_not_held(
                    registry.rotate(&weak, id, rotation).await,
                    lacking,
                    "rotate",
                );
            }
            assert_eq!(registry.show(&operator(), id).await.unwrap(), strong);

            let change = |change| registry.change(&weak, id, change);
            let suspended = change(Change::Suspend).await.unwrap();
            assert_not_held(change(Change::Activate).await, lacking, "activate");
            assert_eq!(registry.show(&operator(), id).await.unwrap(), suspended);
            change(Change::Revoke { reason: None }).await.unwrap();
            change(Change::Delete).await.unwrap();
        }
    }
}

#[tokio::test]
async fn administrator_sets_no_password_of_a_user_that_holds_more() {
    for backend in Backend::all().await {
        let account = Account::new(&backend).await;
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
        for (lacking, name) in LACKING.into_iter().zip(["a", "b", "c", "d", "e"]) {
            let weak = caller(&backend, without(lacking, &account, &backend)).await;
            let new = NewUser::new(name.parse().unwrap(), hash.parse().unwrap(), scopes("*"));
            let new = new.owner(account.strong_key().owner);
            let user = backend
                .registry
                .create_user(&operator(), new)
                .await
                .unwrap();
            let change = Change::Password(hash.parse().unwrap());
            let changed = backend.registry.change(&weak, user.id, change).await;
            assert_not_held(changed, lacking, "set the password");
        }
    }
}

#[tokio::test]
async fn administrator_creates_no_credential_that_holds_more() {
    for backend in Backend::all().await {
        let account = Account::new(&backend).await;
        for lacking in LACKING {
            let weak = caller(&backend, without(lacking, &account, &backend)).await;
            let mut new = without(lacking, &account, &backend);
            match lacking {
                NotHeld::Scopes => new.scopes = scopes("calls:read wallet:pay"),
                NotHeld::Issuers => new.issuers = "core other".parse().unwrap(),
                NotHeld::Networks => new.allow_from = "192.0.0.0/16".parse().unwrap(),
                NotHeld::Expiry => new.expires_at = None,
                _ => new.owner.environment = Some(account.production),
            }
            let created = backend.registry.create_key(&weak, new).await;
            assert_not_held(created, lacking, "create");
            let equal = without(lacking, &account, &backend);
            backend.registry.create_key(&weak, equal).await.unwrap();
        }
    }
}

#[tokio::test]
async fn administrator_gives_no_scope_that_it_does_not_hold_to_a_weaker_credential() {
    for backend in Backend::all().await {
        let account = Account::new(&backend).await;
        let weak = caller(&backend, without(NotHeld::Scopes, &account, &backend)).await;
        let mut new = account.strong_key();
        new.scopes = scopes("calls:read");
        let id = create(&backend, new).await.record.id;
        let change = |text| {
            let change = Change::Scopes(scopes(text));
            backend.registry.change(&weak, id, change)
        };
        assert_not_held(
            change("calls:read wallet:pay").await,
            NotHeld::Scopes,
            "widen",
        );
        assert_not_held(change("*").await, NotHeld::Scopes, "widen");
        change("calls:*").await.unwrap();
    }
}

#[tokio::test]
async fn administrator_that_holds_as_much_as_a_credential_may_change_it() {
    for backend in Backend::all().await {
        let account = Account::new(&backend).await;
        let equal = caller(&backend, account.strong_key()).await;
        let id = create(&backend, account.strong_key()).await.record.id;
        let change = |change| backend.registry.change(&equal, id, change);
        change(Change::Suspend).await.unwrap();
        change(Change::Activate).await.unwrap();
        change(Change::Scopes(scopes("calls:*"))).await.unwrap();
        change(Change::Scopes(scopes("*"))).await.unwrap();
        backend
            .registry
            .rotate(&equal, id, Rotation::Compromised)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn new_credential_without_networks_and_issuers_gets_those_of_the_administrator() {
    for backend in Backend::all().await {
        let account = Account::new(&backend).await;
        let mut new = account.strong_key();
        new.allow_from = "192.0.2.0/24".parse().unwrap();
        new.issuers = "core".parse().unwrap();
        let admin = caller(&backend, new.clone()).await;
        let key = backend.registry.create_key(&admin, account.strong_key());
        let token = NewToken::new(scopes("*"), backend.clock.now().plus(HOUR));
        let token = backend.tokens.create_token(&admin, token, None);
        for record in [key.await.unwrap().record, record(token.await)] {
            assert_eq!(record.allow_from, new.allow_from, "{:?}", record.kind);
            assert_eq!(record.issuers, new.issuers, "{:?}", record.kind);
        }
    }
}

#[tokio::test]
async fn administrator_of_a_sandbox_creates_credentials_of_that_sandbox_only() {
    for backend in Backend::all().await {
        let account = Account::new(&backend).await;
        let admin = caller(&backend, without(NotHeld::Environment, &account, &backend)).await;
        let create = |environment| {
            let owner = Owner {
                account: None,
                environment,
            };
            let new = NewKey::new("k", scopes("calls:read")).owner(owner);
            backend.registry.create_key(&admin, new)
        };
        let created = create(None).await.unwrap().record;
        assert_eq!(created.environment_id, Some(account.sandbox));
        assert_eq!(created.environment_kind, EnvironmentKind::Sandbox);
        create(Some(account.sandbox)).await.unwrap();
        let production = create(Some(account.production)).await;
        assert_not_held(production, NotHeld::Environment, "create");

        for (name, kind) in [
            ("b", EnvironmentKind::Sandbox),
            ("c", EnvironmentKind::Production),
        ] {
            let new = NewEnvironment::new(name, kind);
            let created = backend.registry.create_environment(&admin, new).await;
            assert_not_held(created, NotHeld::Environment, "create an environment");
        }
        let token = NewToken::new(scopes("calls:read"), backend.clock.now().plus(HOUR));
        let token = record(backend.tokens.create_token(&admin, token, None).await);
        assert_eq!(token.environment_id, Some(account.sandbox));
    }
}

#[tokio::test]
async fn bearer_of_a_token_with_fewer_scopes_gives_no_more_than_the_token_holds() {
    for backend in Backend::all().await {
        let account = Account::new(&backend).await;
        let admin = create(&backend, account.strong_key()).await;
        let primary = backend.principal(&admin).await.primary().unwrap();
        let signing = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
        let issuer = Issuer::builder("https://auth.test").signing_key(signing);
        let issuer = issuer.build().unwrap();
        let trusted = issuer
            .trusted()
            .directory(backend.directory.clone())
            .build();
        let parameters = MintParameters::default().scopes(scopes("api_token:write calls:read"));
        let mint = Mint::new(issuer, backend.clock.clone(), SystemRandom);
        let token = mint.mint(&MintRequest::new(primary, parameters)).unwrap();
        let jwt = Jwt::new([trusted.unwrap()]);
        let bearer = jwt.introspect(token.token.expose(), backend.clock.now());
        let bearer = Caller::authenticated(&bearer.unwrap()).unwrap();

        for (held, expected) in [
            ("calls:read", Status::Active),
            ("calls:*", Status::Suspended),
        ] {
            let mut new = NewToken::new(scopes(held), backend.clock.now().plus(HOUR));
            new.owner.account = Some(account.id);
            let id = record(backend.tokens.create_token(&operator(), new, None).await).id;
            let change = |change| backend.tokens.change_token(&bearer, id, change, None);
            change(Change::Suspend).await.unwrap();
            let activated = change(Change::Activate).await;
            if expected == Status::Suspended {
                assert_not_held(activated, NotHeld::Scopes, "activate");
            }
            let shown = backend.tokens.show_token(&operator(), id).await.unwrap();
            assert_eq!(
                (shown.status, shown.kind),
                (expected, CredentialKind::Token)
            );
        }
        let rotated = backend
            .registry
            .rotate(&bearer, admin.record.id, Rotation::Compromised);
        assert_not_held(rotated.await, NotHeld::Scopes, "rotate its own credential");
    }
}

#[track_caller]
fn record(outcome: Result<IdempotentOutcome, RegistryError>) -> Record {
    match outcome.unwrap() {
        IdempotentOutcome::New(record) => *record,
        IdempotentOutcome::Replayed(_) => panic!("the request was made before"),
    }
}
