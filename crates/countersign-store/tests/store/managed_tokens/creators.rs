//! The credential that created a managed token, and what happens to the token with it.

use countersign::registry::{CredentialFilter, Rotation};
use sqlx::Connection as _;

use super::*;

#[tokio::test]
async fn revoked_and_compromised_credentials_take_the_tokens_that_they_created_along() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let store = &service.store;
    let by_operator = create(store).await.id;
    let create_by = async |name: &str| {
        let key = service.create_key(name).await;
        let caller = service.authenticate_key(&key).await;
        let caller = Caller::authenticated(caller.principal()).unwrap();
        let created = store.create_token(&caller, new_token(), None).await;
        (key.record.id, record_of(created.unwrap()).id)
    };
    let status = async |id| store.show_token(&operator(), id).await.unwrap().status;

    let (revoked, token) = create_by("revoked").await;
    let revoke = Change::Revoke { reason: None };
    store.change(&operator(), revoked, revoke).await.unwrap();
    assert_eq!(status(token).await, Status::Revoked);

    let (compromised, token) = create_by("compromised").await;
    let caller = operator();
    let rotate = |rotation| store.rotate(&caller, compromised, rotation);
    rotate(Rotation::CompromisedKeepingTokens).await.unwrap();
    assert_eq!(status(token).await, Status::Active);
    rotate(Rotation::Compromised).await.unwrap();
    assert_eq!(status(token).await, Status::Revoked);
    assert_eq!(status(by_operator).await, Status::Active);
    store.verify_audit(None).await.unwrap();
}

#[tokio::test]
async fn twenty_thousand_tokens_are_revoked_with_their_creator_in_one_change() {
    for compromised in [true, false] {
        let (folder, clock) = (TestFolder::sqlite(), clock());
        let service = Service::open(&folder, &clock).await;
        let creator = service.create_key("creator").await.record.id;
        let other = service.create_key("other").await.record.id;
        service.store.close().await.unwrap();
        insert_tokens(&folder, creator, 20_000).await;
        insert_tokens(&folder, other, 1).await;
        let (here, there) = (folder.open().await, folder.open().await);

        let active = "SELECT count(*) FROM credentials WHERE kind = 'token' AND status = 'active'";
        let changes = "SELECT number FROM change_head";
        let records = "SELECT count(*) FROM audit";
        let before = (folder.count(changes).await, folder.count(records).await);
        let operator = &operator();
        if compromised {
            let rotated = here.rotate(operator, creator, Rotation::Compromised);
            rotated.await.unwrap();
        } else {
            here.change(operator, creator, REVOKE).await.unwrap();
        }
        assert_eq!(folder.count(active).await, 1);
        // The creator and its tokens.
        assert_eq!(folder.count(changes).await, before.0 + 2);
        assert_eq!(folder.count(records).await, before.1 + 1);
        let audit = here.list_audit(operator, None, 1).await.unwrap();
        assert_eq!(audit[0].entity, Some(creator));
        assert_eq!(audit[0].detail["revoked_managed_tokens"], 20_000);

        there.catch_up().await.unwrap();
        let tokens = CredentialFilter::of(CredentialKind::Token);
        let tokens = here.list(operator, tokens).await.unwrap();
        assert_eq!(tokens.len(), 20_001);
        for store in [&here, &there] {
            let view = store.directory();
            for token in &tokens {
                let seen = view.credential(&token.id).unwrap();
                assert_eq!(seen.status, token.status);
                let is_revoked = token.created_by == Some(creator);
                assert_eq!(seen.status == Status::Revoked, is_revoked);
            }
        }
    }
}

/// Inserts managed tokens that a credential created.
async fn insert_tokens(folder: &TestFolder, creator: Id, count: u32) {
    let mut connection = folder.connect().await;
    let insert = sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
         INSERT INTO credentials (id, kind, name, account_id, scopes, created_by, created_at, updated_at)
         SELECT randomblob(20), 'token', '', account_id, 'calls:read', ?1, created_at, updated_at
         FROM n, credentials WHERE id = ?1",
    );
    let insert = insert.bind(creator.as_bytes().as_slice()).bind(count);
    insert.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
