//! Wire `session`: "If the current token is still valid, the endpoint will return the same token."

use std::time::Duration;

use countersign::registry::Change;
use serde_json::json;

use crate::fixture::{Fixture, Presented, TestResponse, WireKind, claims};

async fn log_in(fixture: &Fixture, session: Option<&str>) -> TestResponse {
    let body = json!({"api_key": fixture.api_key(), "session_id": session});
    fixture.post(WireKind::Session, &[], body.to_string()).await
}

#[tokio::test]
async fn same_token_is_returned_while_it_is_valid_with_its_remaining_lifetime() {
    let fixture = Fixture::new().await;
    let first = log_in(&fixture, None).await;
    let mut left = 7200;
    for step in [1, 59, 3600, 3479] {
        fixture.clock.advance(Duration::from_secs(step));
        left -= step;
        let again = log_in(&fixture, None).await;
        assert_eq!(again.token(), first.token());
        assert_eq!(again.json()["expires_in"], left);
    }
    assert_eq!(left, 61);
    // A token in the last 1 % of its lifetime (at most 60 s) is not returned again.
    fixture.clock.advance(Duration::from_secs(1));
    let renewed = log_in(&fixture, None).await;
    assert_ne!(renewed.token(), first.token());
    assert_eq!(renewed.json()["expires_in"], 7200);
    assert_eq!(log_in(&fixture, None).await.token(), renewed.token());
}

// "To force a new token, specify a unique session ID"; "session_id = sha256(timestamp + random_salt)".
#[tokio::test]
async fn each_session_gets_its_own_token_and_keeps_it() {
    let fixture = Fixture::new().await;
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let longest = "s".repeat(128);
    let names = [
        None,
        Some("a"),
        Some("A"),
        Some(digest),
        Some(longest.as_str()),
    ];
    let mut tokens = Vec::new();
    for name in names {
        tokens.push(log_in(&fixture, name).await.token().to_owned());
    }
    for (i, name) in names.into_iter().enumerate() {
        assert_eq!(log_in(&fixture, name).await.token(), tokens[i]);
        assert!(!tokens[..i].contains(&tokens[i]), "{name:?}");
    }
    let ids: Vec<_> = tokens
        .iter()
        .map(|token| claims(token)["sid"].clone())
        .collect();
    assert!(ids.iter().all(serde_json::Value::is_string));
    assert_ne!(ids[0], ids[1]);
}

// A session is identified by credential, generation, session id and scopes.
#[tokio::test]
async fn narrowed_credential_and_another_credential_get_another_token() {
    let fixture = Fixture::new().await;
    let first = log_in(&fixture, None).await;
    let narrower = Change::Scopes("calls:read".parse().unwrap());
    fixture.change(&fixture.key.record, narrower).await;
    let narrowed = log_in(&fixture, None).await;
    assert_ne!(narrowed.token(), first.token());
    assert_eq!(claims(narrowed.token())["scope"], "calls:read");

    let other = fixture.create_key_with_scopes("calls:read").await;
    let key = Presented::Key(other.issued.key.expose());
    let other = fixture
        .send_credentials(WireKind::Session, key)
        .await
        .unwrap();
    assert_ne!(other.token(), narrowed.token());
}

#[tokio::test]
async fn key_and_client_secret_share_one_session() {
    let fixture = Fixture::new().await;
    let id = fixture.id();
    let pair = Presented::Pair(&id, fixture.secret());
    let by_pair = fixture
        .send_credentials(WireKind::Session, pair)
        .await
        .unwrap();
    assert_eq!(by_pair.token(), log_in(&fixture, None).await.token());
}
