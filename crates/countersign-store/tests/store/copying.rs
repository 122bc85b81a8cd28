//! Copies of a database into a new one of the other kind.

use std::fs;

use countersign::directory::{Directory as _, Status};
use countersign::registry::Registry as _;
use countersign_store::{Store, StoreError};

use crate::service::{Service, clock};
use crate::support::{REVOKE, TestFolder, new_key, operator};

/// Copies the database of a folder into that of another one, under the same master key.
async fn copy(from: &TestFolder, to: &TestFolder) -> Result<u64, StoreError> {
    fs::copy(from.file("countersign.key"), to.file("countersign.key")).unwrap();
    Store::copy(&from.options(), &to.options()).await
}

#[tokio::test]
async fn everything_is_the_same_in_a_copy_of_either_kind() {
    let (sqlite, clock) = (TestFolder::sqlite(), clock());
    let (postgres, back) = (TestFolder::postgres(), TestFolder::sqlite());
    let caller = operator();
    let service = Service::open(&sqlite, &clock).await;
    let key = service.create_key("ci").await;
    let revoked = service.create_key("revoked").await.record.id;
    let revocation = service.store.change(&caller, revoked, REVOKE);
    revocation.await.unwrap();
    // More than are read at once.
    for i in 0..600 {
        let key = service.store.create_key(&caller, new_key(&i.to_string()));
        key.await.unwrap();
    }
    let session = service.open_session(&key, Some("phone")).await.unwrap();
    let audit = service.store.list_audit(&caller, None, 1000).await;
    let audit = audit.unwrap();
    service.store.close().await.unwrap();

    for (from, to) in [(&sqlite, &postgres), (&postgres, &back)] {
        assert!(copy(from, to).await.unwrap() > 1800);
        let service = Service::open(to, &clock).await;
        let again = service.open_session(&key, Some("phone")).await.unwrap();
        assert_eq!(again.token.expose(), session.token.expose());
        service.verify(&again).unwrap();
        let view = service.store.directory();
        assert_eq!(view.credential(&revoked).unwrap().status, Status::Revoked);
        assert_eq!(view.lowest_generation(&revoked), Some(2));
        let copied = service.store.list_audit(&caller, None, 1000).await;
        assert_eq!(copied.unwrap(), audit);
        service.store.close().await.unwrap();
        let error = copy(from, to).await.unwrap_err();
        assert!(matches!(error, StoreError::NotEmpty), "{error}");
    }
}

#[tokio::test]
async fn database_that_is_open_or_empty_is_not_copied() {
    let (from, to) = (TestFolder::sqlite(), TestFolder::postgres());
    let store = from.open().await;
    let error = copy(&from, &to).await.unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    store.close().await.unwrap();
    let error = copy(&TestFolder::postgres(), &to).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    copy(&from, &to).await.unwrap();
    to.open()
        .await
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap();
}
