//! Seed 004: `session`. Its sessions have tests of their own.

use serde_json::json;

use crate::fixture::{Fixture, PASSWORD, Presented, USER, Wired, claims};
use crate::words::error;

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
        "api_key": fixture.api_key(), "username": null, "client_id": null, "session_id": null,
    });
    let answer = fixture.post(Wired::Session, &[], nulls.to_string()).await;
    assert_eq!(answer.status, 200);
}
