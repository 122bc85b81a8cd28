use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{Site, assert_problem, text};
use crate::harness::{Response, api_key, basic, bearer};

const ID: &str = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
/// Every route, and one that is none.
const ROUTES: [(&str, &str); 34] = [
    ("GET", "/keys"),
    ("POST", "/keys"),
    ("GET", "/keys/ID"),
    ("DELETE", "/keys/ID"),
    ("POST", "/keys/ID/suspend"),
    ("POST", "/keys/ID/activate"),
    ("POST", "/keys/ID/revoke"),
    ("POST", "/keys/ID/rotate"),
    ("PUT", "/keys/ID/scopes"),
    ("GET", "/users"),
    ("POST", "/users"),
    ("GET", "/users/ID"),
    ("DELETE", "/users/ID"),
    ("POST", "/users/ID/suspend"),
    ("POST", "/users/ID/activate"),
    ("POST", "/users/ID/revoke"),
    ("POST", "/users/ID/password"),
    ("PUT", "/users/ID/scopes"),
    ("GET", "/accounts"),
    ("POST", "/accounts"),
    ("GET", "/accounts/ID"),
    ("POST", "/accounts/ID/revoke"),
    ("GET", "/environments"),
    ("POST", "/environments"),
    ("GET", "/signing-keys"),
    ("POST", "/signing-keys/rotate"),
    ("POST", "/signing-keys/x/revoke"),
    ("POST", "/tokens/revoke"),
    ("GET", "/audit"),
    ("GET", "/audit/verify"),
    ("GET", "/unknown"),
    ("GET", ""),
    ("GET", "/keys/"),
    ("PATCH", "/keys"),
];

fn routes() -> impl Iterator<Item = (&'static str, String)> {
    ROUTES
        .into_iter()
        .map(|(method, path)| (method, format!("/admin/v1{}", path.replace("ID", ID))))
}

#[test]
fn every_route_is_closed_to_strangers_to_tokens_and_to_keys_without_the_scope() {
    let site = Site::open();
    let server = &site.server;
    // A token of a key that may do everything.
    let token = server.token(&[api_key(&site.operator)]);
    let reader = text(&site.key(&["countersign:read", "admin"]), "key");
    for (method, path) in routes() {
        let ask = |headers: &[_]| server.send(method, &path, headers, "");
        let stranger = ask(&[]);
        assert_problem(&stranger, 401, "credentials_missing");
        assert!(
            stranger.header("www-authenticate").is_some(),
            "{stranger:?}"
        );
        assert_problem(&ask(&[api_key("cs_garbage")]), 401, "credentials_invalid");
        assert_problem(&ask(&[bearer(&token)]), 403, "primary_required");
        assert_problem(&ask(&[api_key(&reader)]), 403, "scope_missing");
        let two = [api_key(&site.operator), bearer(&token)];
        assert_problem(&ask(&two), 400, "credentials_malformed");
    }
    // The token is good for all else, and nothing was made with it.
    assert_eq!(server.status_for(&[bearer(&token)]), 200);
    let made = site.get("/keys")["keys"].as_array().unwrap().len();
    assert_eq!(made, 2);
}

#[test]
fn a_token_with_the_scope_alone_reaches_no_handler() {
    let site = Site::open();
    let admin = text(&site.key(&["countersign:admin"]), "key");
    let token = site.server.token(&[api_key(&admin)]);
    let body = json!({ "name": "x", "scopes": ["countersign:admin"] }).to_string();
    let refused = site
        .server
        .send("POST", "/admin/v1/keys", &[bearer(&token)], &body);
    assert_problem(&refused, 403, "primary_required");
    let allowed = site
        .server
        .send("POST", "/admin/v1/keys", &[api_key(&admin)], &body);
    assert_eq!(allowed.status, 201, "{allowed:?}");
}

#[test]
fn users_with_passwords_and_key_ids_with_secrets_may_administrate_too() {
    let site = Site::open();
    let user = json!({ "name": "ada", "password": "p", "scopes": ["countersign:admin"] });
    site.make("/users", &user);
    let key = site.key(&["countersign:admin"]);
    let pair = basic(&text(&key, "id"), &text(&key, "secret"));
    for headers in [basic("ada", "p"), pair] {
        let listed = site.server.get("/admin/v1/keys", &[headers]);
        assert_eq!(listed.status, 200, "{listed:?}");
    }
    let wrong = site.server.get("/admin/v1/keys", &[basic("ada", "q")]);
    assert_problem(&wrong, 401, "credentials_invalid");
}

#[test]
fn a_method_that_a_route_does_not_have_is_405_with_those_that_it_has() {
    let site = Site::open();
    for (method, path, allowed) in [
        ("PATCH", "/keys", "GET,HEAD,POST"),
        ("POST", "/keys/ID", "GET,HEAD,DELETE"),
        ("GET", "/keys/ID/revoke", "POST"),
        ("POST", "/keys/ID/scopes", "PUT"),
        ("DELETE", "/audit", "GET,HEAD"),
        ("PUT", "/signing-keys/rotate", "POST"),
    ] {
        let path = path.replace("ID", ID);
        let refused = site.ask(&site.operator, method, &path, &Value::Null);
        assert_problem(&refused, 405, "method_not_allowed");
        let mut methods: Vec<_> = refused.header("allow").unwrap().split(',').collect();
        let mut expected: Vec<_> = allowed.split(',').collect();
        methods.sort_unstable();
        expected.sort_unstable();
        assert_eq!(methods, expected, "{method} {path}");
    }
    for path in ["/unknown", "", "/keys/ID/unknown", "/signing-keys/x"] {
        let path = path.replace("ID", ID);
        let refused = site.ask(&site.operator, "GET", &path, &Value::Null);
        assert_problem(&refused, 404, "not_found");
    }
}

#[test]
fn pages_and_ids_that_are_none_are_refused_and_forged_ones_find_nothing() {
    let site = Site::open();
    for path in ["/keys", "/users", "/audit"] {
        let cursor = if path == "/audit" { "before" } else { "after" };
        for query in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=+1",
            "limit=",
            "limit",
            "limit=1e2",
            "limit=99999999999999999999",
            "limit=1&limit=1",
            "Limit=1",
            "offset=1",
            "CURSOR=",
            "CURSOR=%27%20OR%201=1--",
            "CURSOR='%20OR%201=1",
            "CURSOR=1;DROP%20TABLE%20credentials",
            "CURSOR=013XRZP12G3NQK8NGSKN1WTXGKA5B0NF",
            "CURSOR=null",
        ] {
            let query = query.replace("CURSOR", cursor);
            let path = format!("{path}?{query}");
            let refused = site.ask(&site.operator, "GET", &path, &Value::Null);
            assert_problem(&refused, 400, "invalid_query");
        }
    }
    for id in [
        "'%20OR%201=1--",
        "%27",
        "1",
        "%ff",
        "013XRZP12G3NQK8NGSKN1WTXGKA5B0NF",
    ] {
        for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/revoke")] {
            let path = format!("/keys/{id}{path}");
            let refused = site.ask(&site.operator, method, &path, &Value::Null);
            assert_eq!(refused.status, 400, "{path}: {refused:?}");
        }
    }
    // A cursor is no right: it is a place, and nothing else.
    let behind_all = format!("/keys?after={}", "z".repeat(32));
    assert_eq!(site.get(&behind_all), json!({ "keys": [], "next": null }));
    let all = site.get("/keys?limit=1000");
    assert_eq!(all["keys"].as_array().unwrap().len(), 1, "{all}");
}

#[test]
fn a_browser_changes_nothing_on_behalf_of_another_sites_page() {
    let site = Site::open();
    let body = json!({ "name": "x", "scopes": [] }).to_string();
    let send = |method: &str, fetched_from: &str| {
        let headers = [
            api_key(&site.operator),
            ("sec-fetch-site", fetched_from.to_owned()),
        ];
        site.server.send(method, "/admin/v1/keys", &headers, &body)
    };
    for fetched_from in ["cross-site", "same-site", "", "unknown"] {
        assert_problem(&send("POST", fetched_from), 403, "cross_site");
        assert_eq!(send("GET", fetched_from).status, 200, "it cannot read it");
    }
    for fetched_from in ["same-origin", "none"] {
        assert_eq!(send("POST", fetched_from).status, 201);
    }
}

#[test]
fn a_browser_that_says_an_origin_alone_changes_something_for_the_servers_own_pages_alone() {
    let site = Site::open();
    let body = json!({ "name": "x", "scopes": [] }).to_string();
    let send = |method: &str, origin: String| {
        let headers = [api_key(&site.operator), ("origin", origin)];
        site.server.send(method, "/admin/v1/keys", &headers, &body)
    };
    let port = site.server.address().port();
    for origin in [
        "null",
        "https://evil.example",
        "http://127.0.0.1",
        &format!("http://localhost:{port}"),
        &format!("http://127.0.0.1:{port}.evil.example"),
    ] {
        assert_problem(&send("POST", origin.to_owned()), 403, "cross_site");
        assert_eq!(send("GET", origin.to_owned()).status, 200, "{origin}");
    }
    assert_eq!(send("POST", site.server.url()).status, 201);
    let made = site.get("/keys")["keys"].as_array().unwrap().len();
    assert_eq!(made, 2);
}

#[test]
fn the_audit_and_the_answer_call_a_request_by_the_same_id() {
    let site = Site::open();
    let body = json!({ "name": "x", "scopes": [] });
    let made = site.must(201, "POST", "/keys", &body);
    let record = &site.get("/audit?limit=1")["records"][0];
    let id = made.header("x-request-id").unwrap();
    assert_eq!(record["request_id"], id, "{record}");
    assert_eq!(record["action"], "key.create");
    assert_eq!(record["entity"], made.json()["id"]);
    let operator = site.server.get("/whoami", &[api_key(&site.operator)]);
    assert_eq!(record["actor"], operator.json()["credential_id"]);
}

#[test]
fn whoever_is_revoked_while_they_send_a_body_does_nothing_with_it() {
    let site = Site::open();
    let admin = site.key(&["countersign:admin"]);
    let body = json!({ "name": "late", "scopes": [] }).to_string();
    let (first, rest) = body.split_at(10);
    let mut slow = TcpStream::connect(site.server.address()).unwrap();
    let head = format!(
        "POST /admin/v1/keys HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: {}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        text(&admin, "key"),
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    // It asks for the body when it has judged the head.
    let mut asked = [0; 25];
    slow.read_exact(&mut asked).unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{asked:?}");
    slow.write_all(first.as_bytes()).unwrap();

    site.post(
        &format!("/keys/{}/revoke", text(&admin, "id")),
        &Value::Null,
    );
    slow.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let answer = Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    };
    assert_problem(&answer, 401, "credentials_invalid");
    assert!(answer.header("www-authenticate").is_some(), "{answer:?}");
    let keys = site.get("/keys");
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "{keys}");
}
