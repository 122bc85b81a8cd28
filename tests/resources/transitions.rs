//! The states of a managed token: active ⇄ suspended; active or suspended → revoked, which is final; only revoked tokens
//! can be deleted.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::fixture::{Fixture, ManagedToken};
use crate::response::TestResponse;

/// The transitions, and those that lead to each state.
const ACTIONS: [&str; 4] = ["activate", "suspend", "revoke", "delete"];
const STATES: [(&str, &[&str]); 3] = [
    ("active", &[]),
    ("suspended", &["suspend"]),
    ("revoked", &["suspend", "revoke"]),
];

async fn perform(fixture: &Fixture, id: &str, action: &str) -> TestResponse {
    match action {
        "delete" => fixture.send_as_admin(Method::DELETE, id).await,
        action => {
            fixture
                .send_as_admin(Method::POST, &format!("{id}/{action}"))
                .await
        }
    }
}

async fn in_state(fixture: &Fixture, transitions: &[&str]) -> ManagedToken {
    let token = fixture.token().await;
    for action in transitions {
        perform(fixture, &token.id, action).await.ok();
    }
    token
}

async fn details(fixture: &Fixture, id: &str) -> Value {
    fixture.send_as_admin(Method::GET, id).await.ok().json()["details"].clone()
}

#[tokio::test]
async fn available_actions_are_the_transitions_that_are_possible() {
    //                   activate     suspend      revoke     delete
    let table = [
        (
            "active",
            [(false, 200), (true, 200), (true, 200), (false, 409)],
        ),
        (
            "suspended",
            [(true, 200), (false, 200), (true, 200), (false, 409)],
        ),
        (
            "revoked",
            [(false, 409), (false, 409), (false, 200), (true, 200)],
        ),
    ];
    for ((state, way), (of, row)) in STATES.into_iter().zip(table) {
        assert_eq!(state, of);
        let fixture = Fixture::new().await;
        for (action, (available, status)) in ACTIONS.into_iter().zip(row) {
            let token = in_state(&fixture, way).await;
            let before = details(&fixture, &token.id).await;
            assert_eq!(before["status"], state);
            assert_eq!(
                before["available_actions"][action], available,
                "{state} {action}"
            );
            let response = perform(&fixture, &token.id, action).await;
            assert_eq!(response.status.as_u16(), status, "{state} {action}");
            if status == 409 {
                assert_eq!(response.json()["code"], "invalid_action");
                assert_eq!(details(&fixture, &token.id).await, before);
            }
        }
    }
}

#[tokio::test]
async fn repeating_the_last_transition_changes_nothing() {
    let fixture = Fixture::new().await;
    for (state, way) in STATES {
        let token = in_state(&fixture, way).await;
        let before = details(&fixture, &token.id).await;
        fixture.clock.advance(Duration::from_secs(60));
        let last = way.last().copied().unwrap_or("activate");
        let again = perform(&fixture, &token.id, last).await.ok();
        assert_eq!(
            again.json(),
            json!({"status": "success", "details": before}),
            "{state}"
        );
        assert_eq!(details(&fixture, &token.id).await, before, "{state}");
    }
}

#[tokio::test]
async fn a_transition_returns_the_new_details() {
    let fixture = Fixture::new().await;
    let token = fixture.token().await;
    fixture.clock.advance(Duration::from_secs(60));
    let suspended = perform(&fixture, &token.id, "suspend").await.ok();
    let (id, account) = (&token.id, fixture.admin.account);
    assert_eq!(
        suspended.body,
        format!(
            concat!(
                r#"{{"status":"success","details":{{"type":"api_token","id":"{id}","account_id":"{account}","#,
                r#""environment_id":null,"token_scope":"account","status":"suspended","available_actions":"#,
                r#"{{"activate":true,"suspend":false,"revoke":true,"delete":false}},"#,
                r#""created_by_admin_user_id":null,"created_by_credential_id":"{creator}","#,
                r#""expires_at":"2026-06-13T12:00:00Z","#,
                r#""inserted_at":"2026-03-15T12:00:00Z","updated_at":"2026-03-15T12:01:00Z","#,
                r#""last_used_at":null}}}}"#,
            ),
            id = id,
            account = account,
            creator = fixture.admin.id,
        )
    );
    let details = fixture.send_as_admin(Method::GET, &token.id).await.ok();
    assert_eq!(details.body, suspended.body);
    assert!(
        !details.body.contains("eyJ"),
        "only the creation returns the token"
    );
}

#[tokio::test]
async fn a_suspended_token_is_rejected_everywhere_and_accepted_again_after_activation() {
    let fixture = Fixture::new().await;
    let auditor = fixture.key("token:introspect").await;
    let token = fixture.token().await;
    for (action, good) in [
        ("activate", true),
        ("suspend", false),
        ("activate", true),
        ("suspend", false),
        ("revoke", false),
        ("delete", false),
    ] {
        perform(&fixture, &token.id, action).await.ok();
        assert_eq!(fixture.accepts(&token.token).await, good, "{action}");
        let bearer = [("authorization", &*token.bearer())];
        let listed = fixture
            .send(Method::GET, crate::fixture::TOKENS, &bearer, "")
            .await;
        let expected = if good {
            (200, "")
        } else {
            (401, "bad_authtoken")
        };
        assert_eq!(listed.code(), (expected.0, expected.1.into()), "{action}");
        let introspected = fixture
            .post_token("/oauth/introspect", &auditor, &token.token)
            .await;
        assert_eq!(introspected.json()["active"], good, "{action}");
    }
    assert_eq!(
        fixture.send_as_admin(Method::GET, &token.id).await.code(),
        (404, "not_found".into())
    );
}

#[tokio::test]
async fn a_token_is_rejected_from_its_expiry_on() {
    let fixture = Fixture::new().await;
    let body = json!({"token_scope": "account", "expires_at": "2026-03-15T12:01:00Z"});
    let token = ManagedToken::from_response(&fixture.create(body).await.ok());
    fixture.clock.advance(Duration::from_millis(59_999));
    assert!(fixture.accepts(&token.token).await);
    fixture.clock.advance(Duration::from_millis(1));
    assert!(!fixture.accepts(&token.token).await);
}
