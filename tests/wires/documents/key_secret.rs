//! Wire `key_secret`: the examples and statements of the vendor's documentation, which the comments quote.

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::directory::{EnvironmentKind, IssuerDirectory};
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::{Basic, Jwt};
use countersign::mint::{Issuer, Mint};
use countersign::random::SystemRandom;
use countersign::registry::{NewEnvironment, NewKey, Owner, Registry as _};
use countersign::time::Timestamp;
use countersign_wire::{KeySecret, TokenEndpoint};
use tower::ServiceExt as _;

use crate::expected_responses::expected_response;
use crate::fixture::{Fixture, NOW, Presented, WireKind, claims, operator, send_to};
use crate::statuses::Case;

/// The example request of the documentation.
const EXAMPLE_REQUEST: &str =
    r#"{"keyId":"00000000-0000-4000-8000-000000000000","secret":"<your-api-secret>"}"#;

#[tokio::test]
async fn unknown_key_id_is_401_in_the_error_format_of_the_wire() {
    let fixture = Fixture::new().await;
    let response = fixture
        .post(WireKind::KeySecret, &[], EXAMPLE_REQUEST)
        .await;
    assert_eq!(
        response.status_and_body(),
        (
            401,
            r#"{"error":{"code":"UNAUTHORIZED","message":"keyId or secret is not valid"}}"#
        )
    );
}

// The example response: sandbox, three scopes, and a token that expires at '2026-01-01T12:00:00.000Z' after an hour.
#[tokio::test]
async fn key_and_secret_get_a_token_with_business_environment_and_scopes() {
    let fixture = Fixture::new().await;
    fixture
        .clock
        .set(Timestamp::from_unix_seconds(1_767_265_200));
    for (kind, name) in [
        (Some(EnvironmentKind::Sandbox), "sandbox"),
        (Some(EnvironmentKind::Production), "production"),
        (None, "production"),
    ] {
        let operator = operator();
        let account = fixture
            .registry
            .create_account(&operator, format!("{kind:?}"))
            .await;
        let account = account.unwrap().id;
        let mut owner = Owner {
            account: Some(account),
            environment: None,
        };
        if let Some(kind) = kind {
            let new = NewEnvironment::new(name, kind).account(account);
            let environment = fixture.registry.create_environment(&operator, new).await;
            owner.environment = Some(environment.unwrap().id);
        }
        let scopes = "wallet:* lending:* identity:*".parse().unwrap();
        let key = fixture
            .create(NewKey::new("pair", scopes).owner(owner))
            .await;
        let id = key.record.id.to_string();
        let pair = Presented::Pair(&id, key.issued.secret.expose());
        let response = fixture
            .send_credentials(WireKind::KeySecret, pair)
            .await
            .unwrap();
        let expected = format!(
            r#"{{"token":"<token>","expiresAt":"2026-01-01T12:00:00.000Z","businessId":"{account}","environment":"{name}","scopes":["wallet:*","lending:*","identity:*"]}}"#
        );
        assert_eq!(response.status_and_body(), (200, &*expected));
        assert_eq!(
            response.header_lines(),
            [
                "cache-control: no-store",
                "content-type: application/json",
                "x-request-id: <id>",
            ]
        );
    }
}

// "required: keyId, secret": both are strings.
#[tokio::test]
async fn missing_or_non_string_member_is_400_and_is_named() {
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
        let response = fixture.post(WireKind::KeySecret, &[], body).await;
        let expected = format!(r#"{{"error":{{"code":"BAD_REQUEST","message":"{message}"}}}}"#);
        assert_eq!(response.status_and_body(), (400, &*expected), "{body}");
    }
}

// "On a 401, re-call `/generate-token` and retry once": clients still send the expired token.
#[tokio::test]
async fn new_token_is_issued_to_a_client_that_still_sends_its_expired_one() {
    let fixture = Fixture::new().await;
    for wire in WireKind::BODIES {
        let first = fixture.send(wire, fixture.valid_request(wire)).await;
        fixture.clock.advance(Duration::from_secs(7200));
        let mut again = fixture.valid_request(wire);
        let stale = format!("Bearer {}", first.token());
        let headers = again.headers_mut();
        headers.insert("authorization", stale.parse().unwrap());
        let again = fixture.send(wire, again).await;
        assert_eq!(again.status, 200);
        assert_ne!(again.token(), first.token());
    }
}

// "Each service (BaaS core and Collections gateway) issues its own token from its own key pair."
#[tokio::test]
async fn each_issuer_accepts_only_its_own_keys_and_tokens() {
    let fixture = Fixture::new().await;
    let service = |name: &'static str| {
        let seen = IssuerDirectory::new(fixture.directory(), name);
        let basic = Basic::new(Arc::new(seen), fixture.peppers.clone());
        let authenticator = Authenticator::builder().primary(basic);
        let authenticator = authenticator.clock(fixture.clock.clone()).build().unwrap();
        let issuer = Issuer::builder(format!("https://{name}.example"))
            .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
            .build()
            .unwrap();
        let trusted = issuer.trusted().build().unwrap();
        let mint = Mint::new(issuer, fixture.clock.clone(), SystemRandom);
        let endpoint = TokenEndpoint::new(KeySecret::default(), authenticator, mint).boxed_clone();
        (endpoint, Jwt::new([trusted]))
    };
    let (core, of_core) = service("core");
    let (gateway, of_gateway) = service("gateway");
    let new = NewKey::new("pair", "wallet:*".parse().unwrap());
    let key = fixture.create(new.issuers("core".parse().unwrap())).await;
    let id = key.record.id.to_string();
    let pair = Presented::Pair(&id, key.issued.secret.expose());
    let request = || WireKind::KeySecret.request_with(pair).unwrap();
    let response = send_to(&core, request()).await;
    assert_eq!(claims(response.token())["iss"], "https://core.example");
    assert!(of_core.introspect(response.token(), NOW).is_ok());
    assert!(of_gateway.introspect(response.token(), NOW).is_err());

    let elsewhere = send_to(&gateway, request()).await;
    assert_eq!(
        elsewhere.status_and_body(),
        (
            401,
            &*expected_response(WireKind::KeySecret, Case::Unauthenticated).1
        )
    );
}
