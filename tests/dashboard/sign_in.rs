//! Who can sign in, and over which connections.

use serde_json::json;

use crate::fixture::{Fixture, assert_problem, cookie};
use crate::harness::{api_key, basic, bearer};

const USER: [&str; 6] = [
    "user",
    "create",
    "ada",
    "--scopes",
    "countersign:admin calls:*",
    "--generate",
];

#[test]
fn key_and_user_with_the_scope_of_administrators_sign_in() {
    let fixture = Fixture::open();
    let password = fixture.home.json(&USER)["password"]
        .as_str()
        .unwrap()
        .to_owned();
    fixture
        .server
        .wait_until_accepted(&[basic("ada", &password)]);
    for (headers, kind) in [
        (api_key(&fixture.admin.key), "key"),
        (basic(&fixture.admin.id, &fixture.admin.secret), "key"),
        (basic("ada", &password), "user"),
    ] {
        let response = fixture.sign_in(&[headers]);
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.json()["kind"], kind);
        assert_eq!(fixture.status(&cookie(&response)), 200);
        assert!(
            !response.body.contains(&fixture.admin.secret) && !response.body.contains(&password)
        );
    }
}

#[test]
fn wrong_credentials_tokens_and_missing_scopes_begin_no_session() {
    let fixture = Fixture::open();
    let reader = fixture.create_key(&["calls:read"]);
    let token = fixture.server.token(&[api_key(&fixture.admin.key)]);
    for (headers, status) in [
        (vec![], 401),
        (vec![api_key("cs_wrong")], 401),
        (vec![basic(&fixture.admin.id, "wrong")], 401),
        (vec![bearer(&token)], 403),
        (vec![api_key(reader["key"].as_str().unwrap())], 403),
        (vec![api_key(&fixture.admin.key), bearer(&token)], 400),
    ] {
        let response = fixture.sign_in(&headers);
        assert_eq!(response.status, status, "{response:?}");
        assert_eq!(response.header("set-cookie"), None);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        if status == 401 {
            // A browser would prompt for a password if the challenge were that of Basic.
            let challenge = Some(r#"Credentials realm="countersign""#);
            assert_eq!(response.header("www-authenticate"), challenge);
        }
    }
}

#[test]
fn failed_sign_ins_are_limited_as_those_of_every_endpoint() {
    let limit = "[limits]\nfailed_authentications = { burst = 3, per = \"1h\" }\n";
    let fixture = Fixture::with(limit);
    fixture.home.run(&USER);
    for _ in 0..3 {
        assert_eq!(fixture.sign_in(&[basic("ada", "wrong")]).status, 401);
    }
    let response = fixture.sign_in(&[basic("ada", "wrong")]);
    assert_eq!(response.status, 429, "{response:?}");
    assert!(response.header("retry-after").is_some(), "{response:?}");
}

#[test]
fn sign_in_over_plain_http_beyond_the_loopback_is_rejected() {
    let fixture = Fixture::with("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let key = api_key(&fixture.admin.key);
    let address = fixture.server.address();
    let through_proxy = ("x-forwarded-for", "192.0.2.1".to_owned());
    // A browser elsewhere, whose proxy has no TLS.
    let response = fixture.sign_in(&[key.clone(), through_proxy.clone()]);
    assert_problem(&response, 403, "insecure_connection");
    assert_eq!(response.header("set-cookie"), None);

    // A name that another machine may have, such as one that was rebound to the loopback.
    let send = |host: &str, origin: &str| {
        let request = format!(
            "POST /dashboard/api/sign-in HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nconnection: close\r\n\
             x-api-key: {}\r\ncontent-length: 0\r\n\r\n",
            key.1
        );
        fixture.server.send_raw(request.as_bytes())
    };
    let port = address.port();
    let rebound = send(
        &format!("other.example:{port}"),
        &format!("http://other.example:{port}"),
    );
    assert!(
        rebound.starts_with("HTTP/1.1 403 ") && rebound.contains("insecure_connection"),
        "{rebound}"
    );

    // Over https by a proxy, the cookie is one that only https can set and read.
    let secure = send("auth.example", "https://auth.example");
    assert!(secure.starts_with("HTTP/1.1 200 "), "{secure}");
    assert!(
        secure.contains("set-cookie: __Host-countersign="),
        "{secure}"
    );
    assert!(
        secure.contains("; Secure; Path=/; HttpOnly; SameSite=Strict"),
        "{secure}"
    );

    let local = send(
        &format!("localhost:{port}"),
        &format!("http://localhost:{port}"),
    );
    assert!(local.starts_with("HTTP/1.1 200 "), "{local}");
    assert!(
        local.contains("; Path=/dashboard; HttpOnly; SameSite=Strict"),
        "{local}"
    );
}

#[test]
fn credentials_do_not_replace_a_session() {
    let fixture = Fixture::open();
    let key = api_key(&fixture.admin.key);
    let response = fixture.send("GET", "/v1/keys", std::slice::from_ref(&key), &json!(null));
    assert_problem(&response, 401, "session_ended");
}
