//! Repeated requests: a change is made once, and its response is stored.

use super::*;

#[tokio::test]
async fn repeated_request_gets_the_first_response_also_after_reopening() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let create_with_key = async |store: &Store, key: &str, request: u8| {
        let key = idempotency_key(key, request);
        store
            .create_token(&operator(), new_token(), Some(key))
            .await
    };
    let created = record_of(create_with_key(&service.store, "k", 1).await.unwrap());
    let expected = response(&created).unwrap();
    let again = create_with_key(&service.store, "k", 1).await.unwrap();
    assert_eq!(replayed(&again), expected.expose());
    let other = create_with_key(&service.store, "k", 2).await;
    assert!(matches!(other, Err(RegistryError::IdempotencyConflict)));
    // Another key is another request, and so is the same key of another caller.
    record_of(create_with_key(&service.store, "other", 1).await.unwrap());
    let mut others = idempotency_key("k", 1);
    others.caller = Id::from_bytes([2; 20]);
    let others = service
        .store
        .create_token(&operator(), new_token(), Some(others))
        .await;
    record_of(others.unwrap());
    service.store.close().await.unwrap();

    let service = Service::open(&folder, &clock).await;
    clock.advance(DAY - Duration::from_millis(1));
    let again = create_with_key(&service.store, "k", 1).await.unwrap();
    assert_eq!(replayed(&again), expected.expose());
    clock.advance(Duration::from_millis(1));
    // The key has expired: even another request is accepted.
    let next = record_of(create_with_key(&service.store, "k", 2).await.unwrap());
    assert_ne!(next.id, created.id);
    let again = create_with_key(&service.store, "k", 2).await.unwrap();
    assert_eq!(replayed(&again), response(&next).unwrap().expose());
}

#[tokio::test]
async fn repeated_change_is_not_made_again() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let id = create(&service.store).await.id;
    let store = &service.store;
    let suspend = async |key: &str| {
        let key = Some(idempotency_key(key, 1));
        store
            .change_token(&operator(), id, Change::Suspend, key)
            .await
    };
    record_of(suspend("k").await.unwrap());
    change(store, id, Change::Activate).await.unwrap();
    replayed(&suspend("k").await.unwrap());
    let shown = store.show_token(&operator(), id).await.unwrap();
    assert_eq!(shown.status, Status::Active);
    // The response to a change without effect is stored too.
    change(store, id, Change::Suspend).await.unwrap();
    record_of(suspend("later").await.unwrap());
    change(store, id, Change::Activate).await.unwrap();
    replayed(&suspend("later").await.unwrap());
    let shown = store.show_token(&operator(), id).await.unwrap();
    assert_eq!(shown.status, Status::Active);
}

#[tokio::test]
async fn change_without_a_response_is_not_made() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let failing = |_: &Record| Err(RegistryError::unavailable("no key signs"));
    let mut key = idempotency_key("k", 1);
    key.response = &failing;
    let created = service
        .store
        .create_token(&operator(), new_token(), Some(key))
        .await;
    assert!(matches!(created, Err(RegistryError::Unavailable(_))));
    let listed = service.store.list_tokens(&operator(), 0, 9).await.unwrap();
    assert_eq!(listed, (Vec::new(), 0));
    assert_eq!(
        folder.count("SELECT count(*) FROM idempotency_keys").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_with_one_key_to_two_processes_create_one_record() {
    let (folder, clock) = (TestFolder::new(), clock());
    let stores = [
        Service::open(&folder, &clock).await.store,
        Service::open(&folder, &clock).await.store,
    ];
    let start = Arc::new(tokio::sync::Barrier::new(8));
    let asked: Vec<_> = (0..8)
        .map(|i| {
            let (store, start) = (stores[i % 2].clone(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                let key = Some(idempotency_key("k", 1));
                store
                    .create_token(&operator(), new_token(), key)
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut created = Vec::new();
    let mut responses = Vec::new();
    for asked in asked {
        match asked.await.unwrap() {
            IdempotentOutcome::New(record) => created.push(record),
            IdempotentOutcome::Replayed(response) => responses.push(response),
        }
    }
    assert_eq!((created.len(), responses.len()), (1, 7));
    let expected = response(&created[0]).unwrap();
    assert!(responses.iter().all(|a| a.expose() == expected.expose()));
    let (_, count) = stores[0].list_tokens(&operator(), 0, 9).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn response_is_not_in_the_database_in_clear_and_cannot_be_moved() {
    let (folder, clock) = (TestFolder::sqlite(), clock());
    let service = Service::open(&folder, &clock).await;
    let create_with_key = async |key| {
        let key = Some(idempotency_key(key, 1));
        service
            .store
            .create_token(&operator(), new_token(), key)
            .await
    };
    record_of(create_with_key("canary-key").await.unwrap());
    let mut found = false;
    for name in ["countersign.db", "countersign.db-wal"] {
        let bytes = fs::read(folder.file(name)).unwrap();
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
        found |= has(b"canary-key");
        assert!(!has(b"canary-secret"), "a response is in {name}");
    }
    assert!(found);
    folder
        .execute("UPDATE idempotency_keys SET key = 'mine'")
        .await;
    let stolen = create_with_key("mine").await;
    assert!(matches!(stolen, Err(RegistryError::Unavailable(_))));
}

#[tokio::test]
async fn responses_are_the_same_under_another_master_key_and_deleted_two_days_after_their_end() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let create_with_key = async |store: &Store| {
        let key = Some(idempotency_key("k", 1));
        store
            .create_token(&operator(), new_token(), key)
            .await
            .unwrap()
    };
    let created = record_of(create_with_key(&service.store).await);
    service.store.rotate_master_key(&operator()).await.unwrap();
    service.store.close().await.unwrap();
    let store = Service::open(&folder, &clock).await.store;
    let again = create_with_key(&store).await;
    assert_eq!(replayed(&again), response(&created).unwrap().expose());
    let stored = async || folder.count("SELECT count(*) FROM idempotency_keys").await;
    clock.advance(DAY * 3);
    store.maintain().await.unwrap();
    assert_eq!(stored().await, 1);
    clock.advance(Duration::from_millis(1));
    store.maintain().await.unwrap();
    assert_eq!(stored().await, 0);
}
