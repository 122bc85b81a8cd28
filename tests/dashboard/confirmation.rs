//! What gives access asks for the secret again.

use serde_json::{Value, json};

use crate::fixture::{Fixture, assert_problem};
use crate::harness::{api_key, basic, bearer};

#[test]
fn creating_and_rotating_need_the_credential_of_the_session_again() {
    let fixture = Fixture::open();
    let cookie = fixture.session(&fixture.admin.key);
    let other = fixture.create_key(&["*"]);
    let (id, key) = (
        other["id"].as_str().unwrap(),
        other["key"].as_str().unwrap(),
    );
    let token = fixture.server.token(&[api_key(&fixture.admin.key)]);
    let requests = [
        (
            "POST",
            "/v1/keys".to_owned(),
            json!({ "name": "new", "scopes": ["calls:read"] }),
            201,
        ),
        ("POST", format!("/v1/keys/{id}/rotate"), json!({}), 200),
        (
            "PUT",
            format!("/v1/keys/{id}/scopes"),
            json!({ "scopes": ["calls:read"] }),
            200,
        ),
        (
            "POST",
            "/v1/accounts".to_owned(),
            json!({ "name": "acme" }),
            201,
        ),
    ];
    for (method, path, body, status) in requests {
        let send = |headers: &[_]| {
            let headers = [headers, std::slice::from_ref(&cookie)].concat();
            fixture.send(method, &path, &headers, &body)
        };
        assert_problem(&send(&[]), 403, "confirmation_required");
        for wrong in [
            // Another credential, although it may do the same.
            vec![api_key(key)],
            vec![api_key("cs_wrong")],
            vec![basic(&fixture.admin.id, "wrong")],
            vec![bearer(&token)],
            vec![api_key(&fixture.admin.key), bearer(&token)],
        ] {
            assert_problem(&send(&wrong), 403, "confirmation_failed");
        }
        let confirmed = send(&[api_key(&fixture.admin.key)]);
        assert_eq!(confirmed.status, status, "{confirmed:?}");
    }
}

#[test]
fn taking_access_away_needs_the_session_only() {
    let fixture = Fixture::open();
    let cookie = fixture.session(&fixture.admin.key);
    let other = fixture.create_key(&["*"]);
    let path = format!("/v1/keys/{}", other["id"].as_str().unwrap());
    for (method, action, status) in [
        ("POST", "/suspend", 200),
        ("POST", "/revoke", 200),
        ("DELETE", "", 204),
    ] {
        let path = format!("{path}{action}");
        let response = fixture.send(method, &path, std::slice::from_ref(&cookie), &Value::Null);
        assert_eq!(response.status, status, "{response:?}");
    }
}

#[test]
fn wrong_passwords_of_confirmations_are_limited() {
    let limit = "[limits]\nfailed_authentications = { burst = 3, per = \"1h\" }\n";
    let fixture = Fixture::with(limit);
    let create = [
        "user",
        "create",
        "ada",
        "--scopes",
        "countersign:admin",
        "--generate",
    ];
    fixture.home.run(&create);
    let cookie = fixture.session(&fixture.admin.key);
    let send = || {
        let headers = [cookie.clone(), basic("ada", "wrong")];
        fixture.send("POST", "/v1/accounts", &headers, &json!({ "name": "acme" }))
    };
    for _ in 0..3 {
        assert_problem(&send(), 403, "confirmation_failed");
    }
    assert_eq!(send().status, 429);
}
