//! Every example of the documents whose wires these are, by the document's number. 002 has tests of its own.

use std::time::Duration;

use countersign::directory::{EnvironmentKind, NewEnvironment, NewKey, Owner, Registry, Rotation};
use countersign::time::Timestamp;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NOW, PASSWORD, Presented, USER, Wired, basic, claims, me};
use crate::words::error;

fn envelope_of(data: &str) -> String {
    format!(
        r#"{{"status":"OK","type":"SUCCESS","message":"Token generated successfully.","data":{data},"transactionId":"<id>","processedAt":"2026-03-15T06:00:00-06:00","billable":false}}"#
    )
}

// "Token generated successfully."; "Unique identifier of this request"; "ISO 8601 datetime with Mexico City offset
// (-06:00)"; "Credits: Free".
#[tokio::test]
async fn seed_000_api_key_and_basic_get_a_token_in_the_envelope() {
    let fixture = Fixture::new().await;
    let pair = basic(&fixture.id(), fixture.secret());
    let user = basic(USER, PASSWORD);
    let expected =
        envelope_of(r#"{"access_token":"<token>","token_type":"Bearer","expires_in":3600}"#);
    for header in [
        ("x-api-key", fixture.api_key()),
        ("authorization", &pair),
        ("authorization", &user),
    ] {
        let answer = fixture.post(Wired::Envelope, &[header], "{}").await;
        assert_eq!(answer.said(), (200, &*expected));
        assert_eq!(
            answer.head(),
            [
                "cache-control: no-store",
                "content-type: application/json",
                "x-request-id: <id>",
            ]
        );
        let subject = match header.1 == user {
            true => fixture.user.id.to_string(),
            false => fixture.id(),
        };
        assert_eq!(claims(answer.token())["sub"], subject);
    }
}

// "Body: entirely optional. Send {} to get a token with default lifetime."
#[tokio::test]
async fn seed_000_body_is_optional() {
    let fixture = Fixture::new().await;
    for body in [
        "",
        "{}",
        " {} ",
        "null",
        r#"{"expireAfter":null}"#,
        r#"{"grant_type":"client_credentials"}"#,
        r#"{"grant_type":null,"unknown":{"a":1}}"#,
    ] {
        let answer = fixture.with_key(Wired::Envelope, body).await;
        assert_eq!(answer.json()["data"]["expires_in"], 3600, "{body}");
    }
}

// "it must be between 1 and the configured maximum (currently 3600). Values outside that range are rejected with
// OUT_OF_RANGE."
#[tokio::test]
async fn seed_000_expire_after_is_1_to_3600_and_else_out_of_range() {
    let fixture = Fixture::new().await;
    for seconds in [1, 60, 3600] {
        let body = format!(r#"{{"expireAfter":{seconds}}}"#);
        let answer = fixture.with_key(Wired::Envelope, body).await;
        assert_eq!(answer.json()["data"]["expires_in"], seconds);
        let claims = claims(answer.token());
        assert_eq!(claims["exp"], NOW.unix_seconds() + seconds);
    }
    let many = format!("1{}", "0".repeat(400));
    for (value, code) in [
        ("0", "OUT_OF_RANGE"),
        ("-1", "OUT_OF_RANGE"),
        ("3601", "OUT_OF_RANGE"),
        ("18446744073709551615", "OUT_OF_RANGE"),
        ("18446744073709551616", "OUT_OF_RANGE"),
        (&many, "OUT_OF_RANGE"),
        ("1e999", "OUT_OF_RANGE"),
        ("-0", "OUT_OF_RANGE"),
        ("1.5", "INVALID_TYPE"),
        (r#""60""#, "INVALID_TYPE"),
        ("true", "INVALID_TYPE"),
        ("[60]", "INVALID_TYPE"),
        ("{}", "INVALID_TYPE"),
    ] {
        let body = format!(r#"{{"expireAfter":{value}}}"#);
        let answer = fixture.with_key(Wired::Envelope, body).await;
        let body = answer.json();
        assert_eq!(answer.status, 400, "{value}");
        assert_eq!(body["type"], "INVALID_REQUEST");
        assert_eq!(body["errors"][0]["field"], "expireAfter");
        assert_eq!(body["errors"][0]["code"], code, "{value}");
    }
}

// "Per-field error details."
#[tokio::test]
async fn seed_000_every_field_that_is_wrong_is_listed() {
    let fixture = Fixture::new().await;
    let body = r#"{"expireAfter":"60","grant_type":"password"}"#;
    let answer = fixture.with_key(Wired::Envelope, body).await;
    assert_eq!(
        answer.json()["errors"],
        json!([
            {"field": "expireAfter", "code": "INVALID_TYPE", "message": "expireAfter must be an integer number of seconds"},
            {"field": "grant_type", "code": "UNSUPPORTED_VALUE", "message": "grant_type must be client_credentials"},
        ])
    );
    let answer = fixture
        .with_key(Wired::Envelope, r#"{"grant_type":1}"#)
        .await;
    assert_eq!(answer.json()["errors"][0]["code"], "INVALID_TYPE");
}

// "if a token is compromised, rotate the underlying API Key"
#[tokio::test]
async fn seed_000_rotated_key_gets_no_token_and_the_new_one_does() {
    let fixture = Fixture::new().await;
    let id = fixture.key.record.id;
    let rotated = fixture
        .registry
        .rotate(&me(), id, Rotation::Compromised)
        .await
        .unwrap();
    assert_eq!(fixture.with_key(Wired::Envelope, "").await.status, 401);
    let key = Presented::Key(rotated.issued.key.expose());
    let answer = fixture.ask(Wired::Envelope, key).await.unwrap();
    assert_eq!(claims(answer.token())["cgn"], 2);
}

// The AuthTokenRequest's example `calls:read`, AuthTokenResponse's `expiresIn` 900 and `tokenType` Bearer, and the
// security scheme's header `X-Api-Key`.
#[tokio::test]
async fn seed_001_key_gets_a_token_of_the_scopes_that_it_names() {
    let fixture = Fixture::new().await;
    let key = [("X-Api-Key", fixture.api_key())];
    let body = r#"{"scope":["calls:read"]}"#;
    let answer = fixture.post(Wired::Scoped, &key, body).await;
    assert_eq!(
        answer.said(),
        (
            200,
            r#"{"token":"<token>","expiresIn":900,"tokenType":"Bearer"}"#
        )
    );
    assert_eq!(
        answer.head(),
        [
            "cache-control: no-store",
            "content-type: application/json",
            "x-request-id: <id>",
        ]
    );
    assert_eq!(claims(answer.token())["scope"], "calls:read");
}

// The `enum` of AuthTokenRequest.
#[tokio::test]
async fn seed_001_all_eight_scopes_are_given_to_who_holds_them() {
    let fixture = Fixture::new().await;
    let catalogue = Wired::Scoped.terms().catalogue;
    let key = fixture.holding(catalogue.as_str()).await;
    let body = json!({"scope": catalogue.iter().collect::<Vec<_>>()});
    let key = [("x-api-key", key.issued.key.expose())];
    let answer = fixture.post(Wired::Scoped, &key, body.to_string()).await;
    assert_eq!(claims(answer.token())["scope"], catalogue.as_str());
}

// "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"; ValidationError: field, rejectedValue, message.
#[tokio::test]
async fn seed_001_error_has_its_time_in_utc_and_one_entry_for_each_scope() {
    let fixture = Fixture::new().await;
    fixture
        .clock
        .set(Timestamp::from_unix_millis(1_795_296_600_123));
    let body = r#"{"scope":["calls:write","calls:read","wallet:pay","calls:write"]}"#;
    let answer = fixture.with_key(Wired::Scoped, body).await;
    assert_eq!(
        answer.said(),
        (
            400,
            r#"{"timestamp":"2026-11-21T21:30:00.123Z","status":400,"message":"Invalid payload or unsupported scope","errors":[{"field":"scope","rejectedValue":"calls:write","message":"the scope is not supported, or not held by the key"},{"field":"scope","rejectedValue":"wallet:pay","message":"the scope is not supported, or not held by the key"}]}"#
        )
    );
}

/// The request of seed 003.
const KEY_PAIR: &str =
    r#"{"keyId":"00000000-0000-4000-8000-000000000000","secret":"<your-api-secret>"}"#;

#[tokio::test]
async fn seed_003_key_pair_that_nobody_has_is_401_in_its_shape() {
    let fixture = Fixture::new().await;
    let answer = fixture.post(Wired::KeyPair, &[], KEY_PAIR).await;
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
        let answer = fixture.ask(Wired::KeyPair, pair).await.unwrap();
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
        let answer = fixture.post(Wired::KeyPair, &[], body).await;
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

// The document's request and answer.
#[tokio::test]
async fn seed_004_key_with_a_session_of_the_clients_own_logs_in() {
    let fixture = Fixture::new().await;
    let body = format!(
        r#"{{
"api_key": "{}",
"session_id": "optional_custom_session_id"
}}"#,
        fixture.api_key()
    );
    let answer = fixture.post(Wired::Session, &[], body).await;
    assert_eq!(
        answer.said(),
        (
            200,
            r#"{"access_token":"<token>","expires_in":7200,"token_type":"Bearer"}"#
        )
    );
    assert_eq!(
        answer.head(),
        [
            "cache-control: no-store",
            "content-type: application/json",
            "x-request-id: <id>",
        ]
    );
    let placeholder = r#"{"api_key":"your_api_key_here"}"#;
    let answer = fixture.post(Wired::Session, &[], placeholder).await;
    assert_eq!(answer.status, 401);
}

// "e.g., API key, username/password, or OAuth2 client credentials"
#[tokio::test]
async fn seed_004_each_of_the_three_kinds_of_credentials_logs_in() {
    let fixture = Fixture::new().await;
    let id = fixture.id();
    let user = fixture.user.id.to_string();
    for (presented, subject) in [
        (Presented::Key(fixture.api_key()), &id),
        (Presented::Pair(&id, fixture.secret()), &id),
        (Presented::User(USER, PASSWORD), &user),
        (Presented::User("ALADDIN", PASSWORD), &user),
    ] {
        let answer = fixture.ask(Wired::Session, presented).await.unwrap();
        assert_eq!(claims(answer.token())["sub"], **subject, "{presented:?}");
    }
    // A pair says which it is: neither is taken for the other.
    for presented in [
        Presented::User(&id, fixture.secret()),
        Presented::User(&user, PASSWORD),
        Presented::Pair(USER, PASSWORD),
    ] {
        let before = fixture.look_ups();
        let answer = fixture.ask(Wired::Session, presented).await.unwrap();
        assert_eq!(answer.status, 401, "{presented:?}");
        assert_eq!(fixture.look_ups(), before, "{presented:?}");
    }
}

#[tokio::test]
async fn seed_004_more_than_one_kind_or_half_of_one_is_400() {
    let fixture = Fixture::new().await;
    let several = "the credentials are malformed, or there is more than one of them";
    let session = "session_id must be 1 to 128 visible ASCII characters";
    let long = format!(r#"{{"api_key":"a","session_id":"{}"}}"#, "s".repeat(129));
    for (body, message) in [
        (
            r#"{"api_key":"a","client_id":"b","client_secret":"c"}"#,
            several,
        ),
        (r#"{"api_key":"a","username":"b"}"#, several),
        (r#"{"username":"a","client_secret":"b"}"#, several),
        (r#"{"username":"a"}"#, "password is missing"),
        (r#"{"password":"a"}"#, "username is missing"),
        (r#"{"client_id":"a"}"#, "client_secret is missing"),
        (r#"{"client_secret":"a"}"#, "client_id is missing"),
        (r#"{"api_key":7}"#, "api_key must be a string"),
        (
            r#"{"username":"a","password":true}"#,
            "password must be a string",
        ),
        (
            r#"{"api_key":"a","session_id":5}"#,
            "session_id must be a string",
        ),
        (r#"{"api_key":"a","session_id":""}"#, session),
        (r#"{"api_key":"a","session_id":"a b"}"#, session),
        (r#"{"api_key":"a","session_id":"ä"}"#, session),
        (&long, session),
    ] {
        let answer = fixture.post(Wired::Session, &[], body.to_owned()).await;
        let expected = error("invalid_request", message);
        assert_eq!(answer.said(), (400, &*expected), "{body}");
    }
    let nulls = json!({
        "api_key": fixture.api_key(), "username": Value::Null, "client_id": null, "session_id": null,
    });
    let answer = fixture.post(Wired::Session, &[], nulls.to_string()).await;
    assert_eq!(answer.status, 200);
}
