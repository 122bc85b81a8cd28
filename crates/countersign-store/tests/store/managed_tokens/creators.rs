//! The credential that created a managed token, and what happens to the token with it.

use countersign::registry::Rotation;

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
