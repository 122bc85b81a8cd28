//! Wire `session`: the examples and statements of the vendor's documentation. `sessions.rs` tests which requests get
//! the same token.

use serde_json::json;

use crate::expected_responses::error;
use crate::fixture::{Fixture, PASSWORD, Presented, USER, WireKind, claims};

// The example request and response.
#[tokio::test]
async fn key_logs_in_with_a_session_id_chosen_by_the_client() {
    let fixture = Fixture::new().await;
    let body = format!(
        r#"{{
"api_key": "{}",
"session_id": "optional_custom_session_id"
}}"#,
        fixture.api_key()
    );
    let response = fixture.post(WireKind::Session, &[], body).await;
    assert_eq!(
        response.status_and_body(),
        (
            200,
            r#"{"access_token":"<token>","expires_in":7200,"token_type":"Bearer"}"#
        )
    );
    assert_eq!(
        response.header_lines(),
        [
            "cache-control: no-store",
            "content-type: application/json",
            "x-request-id: <id>",
        ]
    );
    let placeholder = r#"{"api_key":"your_api_key_here"}"#;
    let response = fixture.post(WireKind::Session, &[], placeholder).await;
    assert_eq!(response.status, 401);
}

// "e.g., API key, username/password, or OAuth2 client credentials"
#[tokio::test]
async fn api_key_password_and_client_secret_log_in() {
    let fixture = Fixture::new().await;
    let id = fixture.id();
    let user = fixture.user.id.to_string();
    for (presented, subject) in [
        (Presented::Key(fixture.api_key()), &id),
        (Presented::Pair(&id, fixture.secret()), &id),
        (Presented::User(USER, PASSWORD), &user),
        (Presented::User("ALADDIN", PASSWORD), &user),
    ] {
        let response = fixture
            .send_credentials(WireKind::Session, presented)
            .await
            .unwrap();
        assert_eq!(claims(response.token())["sub"], **subject, "{presented:?}");
    }
    // A user name is not looked up as a client id, nor a client id as a user name.
    for presented in [
        Presented::User(&id, fixture.secret()),
        Presented::User(&user, PASSWORD),
        Presented::Pair(USER, PASSWORD),
    ] {
        let before = fixture.look_ups();
        let response = fixture
            .send_credentials(WireKind::Session, presented)
            .await
            .unwrap();
        assert_eq!(response.status, 401, "{presented:?}");
        assert_eq!(fixture.look_ups(), before, "{presented:?}");
    }
}

#[tokio::test]
async fn several_kinds_of_credentials_or_an_incomplete_one_are_400() {
    let fixture = Fixture::new().await;
    let several = "the credentials are malformed, repeated, or of several kinds: send exactly one";
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
        let response = fixture.post(WireKind::Session, &[], body.to_owned()).await;
        let expected = error("invalid_request", message);
        assert_eq!(response.status_and_body(), (400, &*expected), "{body}");
    }
    let nulls = json!({
        "api_key": fixture.api_key(), "username": null, "client_id": null, "session_id": null,
    });
    let response = fixture
        .post(WireKind::Session, &[], nulls.to_string())
        .await;
    assert_eq!(response.status, 200);
}
