//! The session of a browser: when it begins and ends, and what it reaches.

use serde_json::{Value, json};

use crate::fixture::{Fixture, assert_problem, cookie};
use crate::harness::{Header, api_key, basic, wait_for};

const USER: [&str; 5] = ["user", "create", "ada", "--scopes", "countersign:admin"];

#[test]
fn id_of_a_session_is_always_the_servers_own_and_new() {
    let fixture = Fixture::open();
    let planted: Header = ("cookie", format!("countersign-loopback={}", "A".repeat(43)));
    let key = api_key(&fixture.admin.key);
    let first = fixture.sign_in(&[key.clone(), planted.clone()]);
    let first = cookie(&first);
    assert_ne!(first.1, planted.1);
    assert_eq!(fixture.status(&planted), 401);
    // Signing in again ends the session that the browser had.
    let second = cookie(&fixture.sign_in(&[key, first.clone()]));
    assert_ne!(first.1, second.1);
    assert_eq!(fixture.status(&first), 401);
    assert_eq!(fixture.status(&second), 200);
}

#[test]
fn session_is_found_by_its_own_cookie_only() {
    let fixture = Fixture::open();
    let (_, pair) = fixture.session(&fixture.admin.key);
    let id = pair.split_once('=').unwrap().1.to_owned();
    for other in [
        format!("__Host-countersign={id}"),
        format!("countersign={id}"),
        format!("countersign-loopback={}", &id[1..]),
        format!("{pair}; {pair}"),
        String::new(),
    ] {
        assert_eq!(fixture.status(&("cookie", other.clone())), 401, "{other}");
    }
    assert_eq!(
        fixture.status(&("cookie", format!("a=1; {pair}; b=2"))),
        200
    );
}

#[test]
fn session_ends_when_the_user_signs_out() {
    let fixture = Fixture::open();
    let cookie = fixture.session(&fixture.admin.key);
    let response = fixture.send(
        "POST",
        "/sign-out",
        std::slice::from_ref(&cookie),
        &Value::Null,
    );
    assert_eq!(response.status, 204, "{response:?}");
    assert!(response.head.contains("Max-Age=0"), "{response:?}");
    assert_eq!(fixture.status(&cookie), 401);
}

#[test]
fn session_ends_at_once_with_its_credential() {
    let fixture = Fixture::open();
    let admin = api_key(&fixture.admin.key);
    for (method, action, body) in [
        ("POST", "/suspend", json!({})),
        ("POST", "/revoke", json!({})),
        ("POST", "/rotate", json!({ "compromised": true })),
        ("PUT", "/scopes", json!({ "scopes": ["calls:read"] })),
    ] {
        let key = fixture.create_key(&["countersign:admin", "calls:*"]);
        let cookie = fixture.session(key["key"].as_str().unwrap());
        assert_eq!(fixture.status(&cookie), 200);
        let path = format!("/admin/v1/keys/{}{action}", key["id"].as_str().unwrap());
        let changed = fixture.server.send(
            method,
            &path,
            std::slice::from_ref(&admin),
            &body.to_string(),
        );
        assert_eq!(changed.status, 200, "{changed:?}");
        let response = fixture.send("GET", "/session", &[cookie], &Value::Null);
        assert_problem(&response, 401, "session_ended");
    }
}

#[test]
fn session_of_a_suspended_key_does_not_come_back_when_the_key_is_activated() {
    let fixture = Fixture::open();
    let key = fixture.create_key(&["countersign:admin"]);
    let cookie = fixture.session(key["key"].as_str().unwrap());
    for action in ["suspend", "activate"] {
        let path = format!("/admin/v1/keys/{}/{action}", key["id"].as_str().unwrap());
        let changed = fixture
            .server
            .send("POST", &path, &[api_key(&fixture.admin.key)], "");
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    assert_eq!(fixture.status(&cookie), 401);
}

#[test]
fn session_ends_when_the_password_is_changed() {
    let fixture = Fixture::open();
    let user = fixture.home.json(&[&USER[..], &["--generate"]].concat());
    let credentials = basic("ada", user["password"].as_str().unwrap());
    fixture
        .server
        .wait_until_accepted(std::slice::from_ref(&credentials));
    let cookie = cookie(&fixture.sign_in(&[credentials]));
    assert_eq!(fixture.status(&cookie), 200);
    fixture.home.run(&["user", "passwd", "ada", "--generate"]);
    let ended = || (fixture.status(&cookie) == 401).then_some(());
    wait_for(
        "the end of the session",
        std::time::Duration::from_secs(30),
        ended,
    );
}

#[test]
fn session_of_a_tenant_reaches_its_own_account_and_not_the_state_of_the_server() {
    let fixture = Fixture::open();
    let operator = fixture.session(&fixture.admin.key);
    let account = fixture.home.json(&["account", "create", "acme"]);
    let id = account["id"].as_str().unwrap();
    let create = [
        "key",
        "create",
        "--name",
        "t",
        "--scopes",
        "countersign:admin",
        "--account",
        id,
    ];
    let key = fixture.home.json(&create)["key"]
        .as_str()
        .unwrap()
        .to_owned();
    fixture.server.wait_until_accepted(&[api_key(&key)]);
    let tenant = fixture.session(&key);
    let get = |cookie: &Header, path: &str| {
        fixture.send("GET", path, std::slice::from_ref(cookie), &Value::Null)
    };
    let keys = get(&tenant, "/v1/keys").json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{keys}");
    assert_eq!(get(&tenant, "/session").json()["is_operator"], false);
    assert_problem(&get(&tenant, "/overview"), 403, "default_account_required");
    let foreign = format!("/v1/keys/{}", fixture.admin.id);
    assert_problem(&get(&tenant, &foreign), 404, "not_found");

    let overview = get(&operator, "/overview");
    assert_eq!(overview.status, 200, "{overview:?}");
    let overview = overview.json();
    assert_eq!(overview["ready"], true);
    for series in ["accepted", "propagation_ms"] {
        let minutes = overview["hour"][series].as_array().unwrap().len();
        assert_eq!(minutes, 60, "{series}");
    }
    assert_eq!(overview["nodes"].as_array().unwrap().len(), 1, "{overview}");
    assert!(overview["signing_key_age_seconds"].is_u64(), "{overview}");
}
