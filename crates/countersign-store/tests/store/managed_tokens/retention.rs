//! How long the record of a managed token, and the key that signed it, are kept.

use countersign_store::KeyState;

use super::*;

#[tokio::test]
async fn retired_key_is_published_for_the_longest_lifetime_of_a_managed_token_and_denials_are_deleted_earlier()
 {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let creator = service
        .authenticate_key(&service.create_key("ci").await)
        .await;
    service
        .store
        .allow_managed_lifetime(DAY * 90)
        .await
        .unwrap();
    service.store.allow_managed_lifetime(DAY).await.unwrap();
    let record = create(&service.store).await;
    let text = service.mint.managed_token(&creator, &record).unwrap();
    let gone = service.create_key("gone").await.record.id;
    service
        .store
        .change(&operator(), gone, REVOKE)
        .await
        .unwrap();
    let lead = Duration::from_secs(60);
    service
        .store
        .rotate_signing_key(&operator(), "default", None, lead)
        .await
        .unwrap();
    clock.advance(DAY * 90 - Duration::from_secs(1));
    service.store.maintain().await.unwrap();
    service.verify_text(text.expose()).unwrap();
    assert_eq!(folder.count("SELECT count(*) FROM denials").await, 0);
    let states = async || {
        let keys = service.store.list_signing_keys("default").await.unwrap();
        keys.iter().map(|key| key.state).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [KeyState::Active, KeyState::Retiring]);
    clock.advance(lead + Duration::from_secs(2));
    assert_eq!(states().await, [KeyState::Active, KeyState::Removed]);
}

#[tokio::test]
async fn record_is_deleted_ninety_days_after_the_token_has_expired() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let record = create(&service.store).await;
    let until_end = record.expires_at.unwrap().unix_millis() - clock.now().unix_millis();
    clock.advance(Duration::from_millis(u64::try_from(until_end).unwrap()) + DAY * 90);
    service.store.maintain().await.unwrap();
    let directory = service.store.directory();
    assert!(directory.credential(&record.id).is_some());
    clock.advance(Duration::from_millis(1));
    service.store.maintain().await.unwrap();
    assert!(directory.credential(&record.id).is_none());
    let listed = service.store.list_tokens(&operator(), 0, 9).await.unwrap();
    assert_eq!(listed, (Vec::new(), 0));
}
