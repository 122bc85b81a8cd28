//! Seed 003: `key_pair`.

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::PrimaryAuthenticator;
use countersign::directory::{EnvironmentKind, IssuerDirectory};
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::{Basic, Jwt};
use countersign::mint::{Issuer, Mint};
use countersign::random::SystemRandom;
use countersign::registry::{NewEnvironment, NewKey, Owner, Registry as _};
use countersign::time::Timestamp;
use countersign_wire::{KeySecret, TokenEndpoint};
use tower::ServiceExt as _;

use crate::fixture::{Fixture, NOW, Presented, Wired, claims, me, sent};
use crate::statuses::Case;
use crate::words::body;

/// The request of seed 003.
const KEY_PAIR: &str =
    r#"{"keyId":"00000000-0000-4000-8000-000000000000","secret":"<your-api-secret>"}"#;

#[tokio::test]
async fn seed_003_key_pair_that_nobody_has_is_401_in_its_shape() {
    let fixture = Fixture::new().await;
    let answer = fixture.post(Wired::KeySecret, &[], KEY_PAIR).await;
    assert_eq!(
        answer.said(),
        (
            401,
            r#"{"error":{"code":"UNAUTHORIZED","message":"keyId or secret is not valid"}}"#
        )
    );
}

// The document's answer, member by member: sandbox, three scopes, and '2026-01-01T12:00:00.000Z' at the end of an hour.
#[tokio::test]
async fn seed_003_key_pair_gets_a_token_and_is_told_what_it_is() {
    let fixture = Fixture::new().await;
    fixture
        .clock
        .set(Timestamp::from_unix_seconds(1_767_265_200));
    for (kind, name) in [
        (Some(EnvironmentKind::Sandbox), "sandbox"),
        (Some(EnvironmentKind::Production), "production"),
        (None, "production"),
    ] {
        let me = me();
        let account = fixture
            .registry
            .create_account(&me, format!("{kind:?}"))
            .await;
        let account = account.unwrap().id;
        let mut owner = Owner {
            account: Some(account),
            environment: None,
        };
        if let Some(kind) = kind {
            let new = NewEnvironment {
                account: Some(account),
                name: name.to_owned(),
                kind,
            };
            let environment = fixture.registry.create_environment(&me, new).await;
            owner.environment = Some(environment.unwrap().id);
        }
        let scopes = "wallet:* lending:* identity:*".parse().unwrap();
        let key = fixture
            .create(NewKey::new("pair", scopes).owner(owner))
            .await;
        let id = key.record.id.to_string();
        let pair = Presented::Pair(&id, key.issued.secret.expose());
        let answer = fixture.ask(Wired::KeySecret, pair).await.unwrap();
        let expected = format!(
            r#"{{"token":"<token>","expiresAt":"2026-01-01T12:00:00.000Z","businessId":"{account}","environment":"{name}","scopes":["wallet:*","lending:*","identity:*"]}}"#
        );
        assert_eq!(answer.said(), (200, &*expected));
        assert_eq!(
            answer.head(),
            [
                "cache-control: no-store",
                "content-type: application/json",
                "x-request-id: <id>",
            ]
        );
    }
}

// "required: keyId, secret", both strings.
#[tokio::test]
async fn seed_003_half_a_pair_and_other_types_are_400_and_name_the_member() {
    let fixture = Fixture::new().await;
    for (body, message) in [
        (r#"{"keyId":"a"}"#, "secret is missing"),
        (r#"{"keyId":"a","secret":null}"#, "secret is missing"),
        (r#"{"secret":"a"}"#, "keyId is missing"),
        (r#"{"keyId":1,"secret":"canary"}"#, "keyId must be a string"),
        (
            r#"{"keyId":"a","secret":["canary"]}"#,
            "secret must be a string",
        ),
        (
            r#"{"keyid":"a","Secret":"b"}"#,
            "keyId and secret are missing",
        ),
    ] {
        let answer = fixture.post(Wired::KeySecret, &[], body).await;
        let expected = format!(r#"{{"error":{{"code":"BAD_REQUEST","message":"{message}"}}}}"#);
        assert_eq!(answer.said(), (400, &*expected), "{body}");
    }
}

// "On a 401, re-call `/generate-token` and retry once": with the expired token still attached.
#[tokio::test]
async fn seed_003_and_004_clients_recover_with_their_stale_token_attached() {
    let fixture = Fixture::new().await;
    for wired in Wired::BODIES {
        let first = fixture.send(wired, fixture.good(wired)).await;
        fixture.clock.advance(Duration::from_secs(7200));
        let mut again = fixture.good(wired);
        let stale = format!("Bearer {}", first.token());
        let headers = again.headers_mut();
        headers.insert("authorization", stale.parse().unwrap());
        let again = fixture.send(wired, again).await;
        assert_eq!(again.status, 200);
        assert_ne!(again.token(), first.token());
    }
}

// "Each service (BaaS core and Collections gateway) issues its own token from its own key pair."
#[tokio::test]
async fn seed_003_each_service_takes_its_own_key_pairs_and_no_others_tokens() {
    let fixture = Fixture::new().await;
    let service = |name: &'static str| {
        let seen = IssuerDirectory::new(fixture.directory(), name);
        let basic = Basic::new(Arc::new(seen), fixture.peppers.clone());
        let judge = PrimaryAuthenticator::builder().primary(basic);
        let judge = judge.clock(fixture.clock.clone()).build().unwrap();
        let issuer = Issuer::builder(format!("https://{name}.example"))
            .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
            .build()
            .unwrap();
        let trusted = issuer.trusted().build().unwrap();
        let mint = Mint::new(issuer, fixture.clock.clone(), SystemRandom);
        let endpoint = TokenEndpoint::new(KeySecret::default(), judge, mint).boxed_clone();
        (endpoint, Jwt::new([trusted]))
    };
    let (core, of_core) = service("core");
    let (gateway, of_gateway) = service("gateway");
    let new = NewKey::new("pair", "wallet:*".parse().unwrap());
    let key = fixture.create(new.issuers("core".parse().unwrap())).await;
    let id = key.record.id.to_string();
    let pair = Presented::Pair(&id, key.issued.secret.expose());
    let ask = || Wired::KeySecret.ask(pair).unwrap();
    let answer = sent(&core, ask()).await;
    assert_eq!(claims(answer.token())["iss"], "https://core.example");
    assert!(of_core.introspect(answer.token(), NOW).is_ok());
    assert!(of_gateway.introspect(answer.token(), NOW).is_err());

    let elsewhere = sent(&gateway, ask()).await;
    assert_eq!(
        elsewhere.said(),
        (401, &*body(Wired::KeySecret, Case::Unauthenticated).1)
    );
}
