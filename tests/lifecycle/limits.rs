//! How many records callers may create, and the pages in which they are listed.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::key::ImportedKey;
use countersign::registry::{
    Caller, Change, Conflict, IdempotentOutcome, NewEnvironment, NewKey, NewToken, NewUser, Owner,
    Page, RecordLimits, RegistryError,
};
use countersign::time::Clock as _;

use crate::backend::Backend;

const REVOKE: Change = Change::Revoke { reason: None };

fn operator() -> Caller {
    Caller::operator("test")
}

/// Returns registries in which callers may create this many records of each kind.
async fn backends(most: u32) -> [Backend; 2] {
    let most = NonZeroU32::new(most).unwrap();
    let mut limits = RecordLimits::default();
    limits.managed_tokens = most;
    limits.credentials = most;
    limits.environments = most;
    Backend::all_with(limits).await
}

async fn account(backend: &Backend) -> Id {
    let operator = operator();
    let created = backend.registry.create_account(&operator, "a".to_owned());
    created.await.unwrap().id
}

fn new_key(account: Id) -> NewKey {
    NewKey::new("k", "*".parse().unwrap()).owner(Owner {
        account: Some(account),
        environment: None,
    })
}

fn new_user(name: &str, account: Id) -> NewUser {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
    let user = NewUser::new(
        name.parse().unwrap(),
        hash.parse().unwrap(),
        "a".parse().unwrap(),
    );
    user.owner(new_key(account).owner)
}

/// Checks that a request failed because of a limit of three.
#[track_caller]
fn assert_limited<T>(result: Result<T, RegistryError>, conflict: fn(NonZeroU32) -> Conflict) {
    let expected = conflict(NonZeroU32::new(3).unwrap());
    match result {
        Err(RegistryError::Conflict(found)) => assert_eq!(found, expected),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was created"),
    }
}

#[tokio::test]
async fn account_has_as_many_keys_and_users_as_it_may_have_and_the_operator_creates_more() {
    for backend in backends(3).await {
        let (registry, account) = (&backend.registry, account(&backend).await);
        let admin = backend.caller(new_key(account)).await;
        let other = backend.caller(new_key(account)).await;
        let user = registry.create_user(&admin, new_user("ada", account));
        let user = user.await.unwrap().id;

        let refused = Conflict::TooManyCredentials;
        for caller in [&admin, &other] {
            assert_limited(registry.create_key(caller, new_key(account)).await, refused);
            let user = new_user("bob", account);
            assert_limited(registry.create_user(caller, user).await, refused);
            let imported = ImportedKey::of(b"a key of another system");
            let imported = registry.import_key(caller, new_key(account), imported);
            assert_limited(imported.await, refused);
        }
        // A revoked one counts until it is deleted.
        registry.change(&admin, user, REVOKE).await.unwrap();
        assert_limited(registry.create_key(&admin, new_key(account)).await, refused);
        registry.change(&admin, user, Change::Delete).await.unwrap();
        registry.create_key(&admin, new_key(account)).await.unwrap();

        assert_limited(registry.create_key(&admin, new_key(account)).await, refused);
        let operator = operator();
        registry
            .create_key(&operator, new_key(account))
            .await
            .unwrap();
        // Managed tokens are counted apart.
        let end = backend.clock.now().plus(Duration::from_secs(60));
        let token = NewToken::new("a".parse().unwrap(), end);
        backend
            .tokens
            .create_token(&admin, token, None)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn records_of_another_account_do_not_count() {
    for backend in backends(3).await {
        let registry = &backend.registry;
        let account = account(&backend).await;
        for _ in 0..4 {
            let new = NewKey::new("k", "*".parse().unwrap());
            registry.create_key(&operator(), new).await.unwrap();
        }
        let admin = backend.caller(new_key(account)).await;
        registry.create_key(&admin, new_key(account)).await.unwrap();
    }
}

#[tokio::test]
async fn credential_has_created_as_many_managed_tokens_as_it_may() {
    for backend in backends(3).await {
        let tokens = &backend.tokens;
        let account = account(&backend).await;
        let creator = backend.caller(new_key(account)).await;
        let other = backend.caller(new_key(account)).await;
        let end = backend.clock.now().plus(Duration::from_secs(60));
        let create = async |caller: &Caller| {
            let new = NewToken::new("a".parse().unwrap(), end);
            tokens.create_token(caller, new, None).await
        };
        let IdempotentOutcome::New(first) = create(&creator).await.unwrap() else {
            panic!("it was not created before");
        };
        for _ in 0..2 {
            create(&creator).await.unwrap();
        }
        let refused = Conflict::TooManyManagedTokens;
        assert_limited(create(&creator).await, refused);
        create(&other).await.unwrap();

        // A revoked or expired one counts until it is deleted.
        let change = |change| tokens.change_token(&creator, first.id, change, None);
        change(REVOKE).await.unwrap();
        backend.clock.set(end);
        let end = end.plus(Duration::from_secs(60));
        let new = NewToken::new("a".parse().unwrap(), end);
        assert_limited(
            tokens.create_token(&creator, new.clone(), None).await,
            refused,
        );
        change(Change::Delete).await.unwrap();
        tokens
            .create_token(&creator, new.clone(), None)
            .await
            .unwrap();

        let operator = operator();
        for _ in 0..4 {
            tokens
                .create_token(&operator, new.clone(), None)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn account_has_as_many_environments_as_it_may_have() {
    for backend in backends(3).await {
        let (registry, account) = (&backend.registry, account(&backend).await);
        let admin = backend.caller(new_key(account)).await;
        let new = |name: &str| NewEnvironment::new(name, EnvironmentKind::Sandbox).account(account);
        for name in ["a", "b", "c"] {
            registry
                .create_environment(&admin, new(name))
                .await
                .unwrap();
        }
        let refused = registry.create_environment(&admin, new("d")).await;
        assert_limited(refused, Conflict::TooManyEnvironments);
        registry
            .create_environment(&operator(), new("d"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn accounts_and_environments_are_listed_in_pages() {
    for backend in Backend::all().await {
        let (registry, operator) = (&backend.registry, operator());
        let mut accounts = Vec::new();
        for name in ["a", "b", "c"] {
            let account = registry.create_account(&operator, name.to_owned());
            let account = account.await.unwrap().id;
            for name in ["d", "e", "f"] {
                let new = NewEnvironment::new(name, EnvironmentKind::Sandbox).account(account);
                registry.create_environment(&operator, new).await.unwrap();
            }
            accounts.push(account);
        }
        let all = Page::all();
        let listed = registry.list_accounts(&operator, all).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|account| account.id).collect();
        assert_eq!(ids.len(), 4);
        assert!(ids.is_sorted());
        let mut found = Vec::new();
        for _ in &ids {
            let page = Page::after(found.last().copied(), 1);
            let listed = registry.list_accounts(&operator, page).await.unwrap();
            found.extend(listed.iter().map(|account| account.id));
        }
        assert_eq!(found, ids);

        let environments = async |caller: &Caller, account, page| {
            let listed = registry.list_environments(caller, account, page).await;
            listed.unwrap()
        };
        let own = environments(&operator, Some(accounts[1]), all).await;
        assert_eq!(own.len(), 3);
        assert!(own.iter().all(|one| one.account_id == accounts[1]));
        let admin = operator.clone().within_account(accounts[1]);
        assert_eq!(environments(&admin, None, all).await, own);
        assert!(
            environments(&admin, Some(accounts[0]), all)
                .await
                .is_empty()
        );
        let rest = Page::after(Some(own[0].id), 1);
        assert_eq!(environments(&admin, None, rest).await, own[1..2]);
        assert!(environments(&operator, None, all).await.len() >= 9);

        let listed = registry.list_accounts(&admin, all).await.unwrap();
        assert_eq!(listed.len(), 1);
        let after = Page::after(Some(accounts[1]), 9);
        assert!(
            registry
                .list_accounts(&admin, after)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
