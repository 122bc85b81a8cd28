//! When the token of a session is returned again, and when a new one is minted.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_to_two_processes_return_the_same_token() {
    let (folder, clock) = (TestFolder::new(), clock());
    let nodes = [
        Arc::new(Service::open(&folder, &clock).await),
        Arc::new(Service::open(&folder, &clock).await),
    ];
    let created = nodes[0].create_key("ci").await;
    nodes[1].store.catch_up().await.unwrap();
    let key = Arc::new(created);
    let start = Arc::new(tokio::sync::Barrier::new(24));
    let asked: Vec<_> = (0..24)
        .map(|i| {
            let (service, key, start) = (nodes[i % 2].clone(), key.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                service.open_session(&key, "one").await.unwrap()
            })
        })
        .collect();
    let mut tokens = Vec::new();
    for asked in asked {
        tokens.push(asked.await.unwrap().token.expose().to_owned());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(folder.count("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn other_scopes_are_another_session_and_their_order_does_not_matter() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let ask = async |scopes: &str| {
        let parameters = MintParameters::default().scopes(scopes.parse().unwrap());
        let request = MintRequest::new(service.authenticate_key(&key).await, parameters);
        let token = service.sessions().mint(&request, None).await.unwrap();
        token.token.expose().to_owned()
    };
    let both = ask("calls:read wallet:pay").await;
    assert_eq!(ask("wallet:pay calls:read").await, both);
    assert_ne!(ask("calls:read").await, both);
}

#[tokio::test]
async fn credential_cannot_have_more_sessions_than_the_limit() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let request = MintRequest::new(
        service.authenticate_key(&key).await,
        MintParameters::default(),
    );
    let mint = service.sessions().max_sessions(2);
    let ask = async |name: &str| mint.mint(&request, Some(name.parse().unwrap())).await;
    let first = ask("first").await.unwrap();
    clock.advance(Duration::from_secs(60));
    ask("second").await.unwrap();
    let Err(SessionError::TooMany(ends)) = ask("third").await else {
        panic!("two may live");
    };
    assert_eq!(ends, first.expires_at);
    // Existing sessions are still returned, and other credentials have their own limit.
    let again = ask("first").await.unwrap();
    assert_eq!(again.token.expose(), first.token.expose());
    let other = service.create_key("other").await;
    service.open_session(&other, "third").await.unwrap();

    let ended = SessionSelector::Named("second".parse().unwrap());
    let id = key.record.id;
    service
        .store
        .end_sessions(&operator(), id, ended)
        .await
        .unwrap();
    ask("third").await.unwrap();
    // A token that is not returned any more does not count, although it is valid.
    clock.advance(HOUR * 2 - Duration::from_secs(60 + 60));
    service.verify(&first).unwrap();
    ask("fourth").await.unwrap();
}

#[tokio::test]
async fn token_that_expires_soon_is_not_returned_again() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let first = service.open_session(&key, None).await.unwrap();
    // A hundredth of the lifetime would be longer than a minute.
    clock.advance(HOUR * 2 - Duration::from_millis(60_001));
    let again = service.open_session(&key, None).await.unwrap();
    assert_eq!(again.token.expose(), first.token.expose());
    clock.advance(Duration::from_millis(1));
    let next = service.open_session(&key, None).await.unwrap();
    assert_ne!(next.token.expose(), first.token.expose());
    service.verify(&first).unwrap();
}

#[tokio::test]
async fn sessions_of_a_compromised_key_end_and_do_not_count_against_the_limit() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let token = service.open_session(&key, "one").await.unwrap();
    let id = key.record.id;
    let rotated = service
        .store
        .rotate(&operator(), id, Rotation::Compromised)
        .await;
    let rotated = rotated.unwrap();
    assert_eq!(service.verify(&token).unwrap_err(), Reason::Superseded);
    let request = MintRequest::new(
        service.authenticate_key(&rotated).await,
        MintParameters::default(),
    );
    let mint = service.sessions().max_sessions(1);
    let next = mint
        .mint(&request, Some("one".parse().unwrap()))
        .await
        .unwrap();
    assert_ne!(next.token.expose(), token.token.expose());
    service.verify(&next).unwrap();
    let listed = service
        .store
        .list_sessions(&operator(), id, clock.now())
        .await;
    assert_eq!(listed.unwrap().len(), 1, "those of the old secret are over");
}

#[tokio::test]
async fn session_gets_a_new_token_when_its_signing_key_is_retired_and_is_counted_once() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let request = MintRequest::new(
        service.authenticate_key(&key).await,
        MintParameters::default(),
    );
    let mint = service.sessions().max_sessions(1);
    let first = mint.mint(&request, None).await.unwrap();
    let lead = Duration::from_secs(60);
    service
        .store
        .rotate_signing_key(&operator(), "default", None, lead)
        .await
        .unwrap();
    let again = mint.mint(&request, None).await.unwrap();
    assert_eq!(again.token.expose(), first.token.expose());
    clock.advance(Duration::from_secs(60));
    let next = mint.mint(&request, None).await.unwrap();
    assert_ne!(next.token.expose(), first.token.expose());
    for token in [&first, &next] {
        service.verify(token).unwrap();
    }
}

#[tokio::test]
async fn token_that_was_denied_by_its_id_is_not_returned_again() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    let token = service.open_session(&key, None).await.unwrap();
    let denied = DeniedToken {
        issuer: URL.to_owned(),
        token: token.id,
        account: key.record.account_id,
        expires_at: token.expires_at,
    };
    service.store.deny_token(&operator(), denied).await.unwrap();
    let next = service.open_session(&key, None).await.unwrap();
    service.verify(&next).unwrap();
    let id = key.record.id;
    let listed = service
        .store
        .list_sessions(&operator(), id, clock.now())
        .await;
    let session = *service.verify(&next).unwrap().session().unwrap();
    assert_eq!(
        listed.unwrap().iter().map(|s| s.id).collect::<Vec<_>>(),
        [session]
    );
}

#[tokio::test]
async fn token_of_a_session_is_the_same_under_another_master_key() {
    let (folder, clock) = (TestFolder::sqlite(), clock());
    let here = Service::open(&folder, &clock).await;
    let there = Service::open(&folder, &clock).await;
    let key = here.create_key("ci").await;
    there.store.catch_up().await.unwrap();
    let token = here.open_session(&key, None).await.unwrap();
    let sealed = "SELECT count(DISTINCT sealed) FROM (
        SELECT sealed FROM sessions UNION ALL SELECT sealed FROM before)";
    folder
        .execute("CREATE TABLE before AS SELECT sealed FROM sessions")
        .await;
    here.store.rotate_master_key(&operator()).await.unwrap();
    assert_eq!(folder.count(sealed).await, 2, "it was encrypted again");
    folder.execute("DROP TABLE before").await;
    for service in [here, there] {
        let again = service.open_session(&key, None).await.unwrap();
        assert_eq!(again.token.expose(), token.token.expose());
        service.store.close().await.unwrap();
    }
    let service = Service::open(&folder, &clock).await;
    let again = service.open_session(&key, None).await.unwrap();
    assert_eq!(again.token.expose(), token.token.expose());
}

/// An attacker may change any column of a session.
#[tokio::test]
async fn attacker_who_writes_to_the_database_does_not_get_the_token_of_another_credential() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let victim = service.create_key("victim").await;
    let attacker = service.create_key("attacker").await;
    service.open_session(&victim, "s").await.unwrap();
    folder
        .execute(
            "UPDATE sessions SET credential_id = (SELECT id FROM credentials WHERE name = 'attacker')",
        )
        .await;
    let stolen = service.open_session(&attacker, "s").await;
    assert!(matches!(stolen, Err(SessionError::Unavailable(_))));
    // Nor by moving the encrypted token into another row.
    folder.execute("DELETE FROM sessions").await;
    service.open_session(&attacker, "s").await.unwrap();
    service.open_session(&victim, "s").await.unwrap();
    folder
        .execute(
            "UPDATE sessions SET sealed = (SELECT v.sealed FROM sessions v, credentials c
                 WHERE v.credential_id = c.id AND c.name = 'victim')",
        )
        .await;
    let stolen = service.open_session(&attacker, "s").await;
    assert!(matches!(stolen, Err(SessionError::Unavailable(_))));
    service.open_session(&victim, "s").await.unwrap();
}

#[tokio::test]
async fn token_is_not_returned_for_a_shorter_lifetime_another_audience_or_before_it_was_issued() {
    let (folder, clock) = (TestFolder::new(), clock());
    let service = Service::open(&folder, &clock).await;
    let key = service.create_key("ci").await;
    clock.advance(HOUR);
    let first = service.open_session(&key, None).await.unwrap();
    let log_in = async |mint: Mint| {
        let request = MintRequest::new(
            service.authenticate_key(&key).await,
            MintParameters::default(),
        );
        let sessions = SessionMint::new(mint, Arc::new(service.store.clone()));
        let token = sessions.mint(&request, None).await.unwrap();
        (token.token.expose().to_owned(), token.expires_in)
    };
    let terms = |lifetime| IssuanceSettings::new(lifetime, lifetime);
    let again = log_in(service.mint.clone()).await.0;
    assert_eq!(again, first.token.expose(), "control");

    let shorter = service.mint.clone().with_settings(terms(HOUR)).unwrap();
    let (brief, left) = log_in(shorter).await;
    assert_ne!(brief, first.token.expose());
    assert_eq!(
        left, 3600,
        "the verifiers of shorter terms would refuse the first"
    );

    let keys = service.store.signing_keys("default", None).await.unwrap();
    let other = Issuer::builder(URL)
        .audience("https://other.example")
        .signing_keys(keys)
        .settings(terms(HOUR * 2))
        .build()
        .unwrap();
    let (token, _) = log_in(Mint::new(other, clock.clone(), SystemRandom)).await;
    assert_ne!(token, first.token.expose());

    let before = clock.now().unix_seconds() - 1800;
    clock.set(Timestamp::from_unix_seconds(before));
    let (token, left) = log_in(service.mint.clone()).await;
    assert!(token != first.token.expose() && token != brief);
    assert_eq!(left, 7200);
}
