//! active ⇄ suspended; active or suspended → revoked, for good; only what is revoked can be deleted.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::fixture::{Managed, World};
use crate::response::Answer;

/// The transitions, and what leads to each state.
const ACTIONS: [&str; 4] = ["activate", "suspend", "revoke", "delete"];
const STATES: [(&str, &[&str]); 3] = [
    ("active", &[]),
    ("suspended", &["suspend"]),
    ("revoked", &["suspend", "revoke"]),
];

async fn perform(world: &World, id: &str, action: &str) -> Answer {
    match action {
        "delete" => world.act(Method::DELETE, id).await,
        action => world.act(Method::POST, &format!("{id}/{action}")).await,
    }
}

async fn in_state(world: &World, way: &[&str]) -> Managed {
    let token = world.token().await;
    for action in way {
        perform(world, &token.id, action).await.ok();
    }
    token
}

async fn details(world: &World, id: &str) -> Value {
    world.act(Method::GET, id).await.ok().json()["details"].clone()
}

#[tokio::test]
async fn available_actions_say_what_is_to_be_had_and_transitions_do_as_they_say() {
    let world = World::new().await;
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
        for (action, (available, status)) in ACTIONS.into_iter().zip(row) {
            let token = in_state(&world, way).await;
            let before = details(&world, &token.id).await;
            assert_eq!(before["status"], state);
            assert_eq!(
                before["available_actions"][action], available,
                "{state} {action}"
            );
            let answer = perform(&world, &token.id, action).await;
            assert_eq!(answer.status.as_u16(), status, "{state} {action}");
            if status == 409 {
                assert_eq!(answer.json()["code"], "invalid_action");
                assert_eq!(details(&world, &token.id).await, before);
            }
        }
    }
}

#[tokio::test]
async fn repeating_what_led_to_the_present_state_changes_nothing() {
    let world = World::new().await;
    for (state, way) in STATES {
        let token = in_state(&world, way).await;
        let before = details(&world, &token.id).await;
        world.clock.advance(Duration::from_secs(60));
        let last = way.last().copied().unwrap_or("activate");
        let again = perform(&world, &token.id, last).await.ok();
        assert_eq!(
            again.json(),
            json!({"status": "success", "details": before}),
            "{state}"
        );
        assert_eq!(details(&world, &token.id).await, before, "{state}");
    }
}

#[tokio::test]
async fn a_transition_answers_with_the_details_as_they_are_then() {
    let world = World::new().await;
    let token = world.token().await;
    world.clock.advance(Duration::from_secs(60));
    let suspended = perform(&world, &token.id, "suspend").await.ok();
    let (id, account) = (&token.id, world.admin.account);
    assert_eq!(
        suspended.body,
        format!(
            concat!(
                r#"{{"status":"success","details":{{"type":"api_token","id":"{id}","account_id":"{account}","#,
                r#""environment_id":null,"token_scope":"account","status":"suspended","available_actions":"#,
                r#"{{"activate":true,"suspend":false,"revoke":true,"delete":false}},"#,
                r#""created_by_admin_user_id":null,"expires_at":"2026-06-13T12:00:00Z","#,
                r#""inserted_at":"2026-03-15T12:00:00Z","updated_at":"2026-03-15T12:01:00Z","#,
                r#""last_used_at":null}}}}"#,
            ),
            id = id,
            account = account,
        )
    );
    let shown = world.act(Method::GET, &token.id).await.ok();
    assert_eq!(shown.body, suspended.body);
    assert!(!shown.body.contains("eyJ"), "the token is shown once");
}

#[tokio::test]
async fn a_suspended_token_is_refused_everywhere_and_works_again_once_it_is_activated() {
    let world = World::new().await;
    let auditor = world.key("token:introspect").await;
    let token = world.token().await;
    for (action, good) in [
        ("activate", true),
        ("suspend", false),
        ("activate", true),
        ("suspend", false),
        ("revoke", false),
        ("delete", false),
    ] {
        perform(&world, &token.id, action).await.ok();
        assert_eq!(world.lets_in(&token.token).await, good, "{action}");
        let bearer = [("authorization", &*token.bearer())];
        let listed = world
            .send(Method::GET, crate::fixture::TOKENS, &bearer, "")
            .await;
        let wanted = if good {
            (200, "")
        } else {
            (401, "bad_authtoken")
        };
        assert_eq!(listed.code(), (wanted.0, wanted.1.into()), "{action}");
        let looked_at = world.ask("/oauth/introspect", &auditor, &token.token).await;
        assert_eq!(looked_at.json()["active"], good, "{action}");
    }
    assert_eq!(
        world.act(Method::GET, &token.id).await.code(),
        (404, "not_found".into())
    );
}

#[tokio::test]
async fn a_token_is_refused_from_the_moment_at_which_it_expires() {
    let world = World::new().await;
    let body = json!({"token_scope": "account", "expires_at": "2026-03-15T12:01:00Z"});
    let token = Managed::of(&world.create(body).await.ok());
    world.clock.advance(Duration::from_millis(59_999));
    assert!(world.lets_in(&token.token).await);
    world.clock.advance(Duration::from_millis(1));
    assert!(!world.lets_in(&token.token).await);
}
