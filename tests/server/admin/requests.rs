//! Authentication, methods, queries and cross-site requests.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{Fixture, assert_problem, text};
use crate::harness::{Response, api_key, basic, bearer};

const ID: &str = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
/// Every route, and some that do not exist.
const ROUTES: [(&str, &str); 46] = [
    ("GET", "/keys"),
    ("POST", "/keys"),
    ("GET", "/keys/ID"),
    ("DELETE", "/keys/ID"),
    ("POST", "/keys/import"),
    ("POST", "/keys/ID/suspend"),
    ("POST", "/keys/ID/activate"),
    ("POST", "/keys/ID/revoke"),
    ("POST", "/keys/ID/rotate"),
    ("PUT", "/keys/ID/scopes"),
    ("GET", "/keys/ID/sessions"),
    ("DELETE", "/keys/ID/sessions/ID"),
    ("GET", "/managed-tokens"),
    ("GET", "/managed-tokens/ID"),
    ("DELETE", "/managed-tokens/ID"),
    ("POST", "/managed-tokens/ID/suspend"),
    ("POST", "/managed-tokens/ID/activate"),
    ("POST", "/managed-tokens/ID/revoke"),
    ("GET", "/users"),
    ("POST", "/users"),
    ("GET", "/users/ID"),
    ("DELETE", "/users/ID"),
    ("POST", "/users/ID/suspend"),
    ("POST", "/users/ID/activate"),
    ("POST", "/users/ID/revoke"),
    ("POST", "/users/ID/password"),
    ("PUT", "/users/ID/scopes"),
    ("GET", "/users/ID/sessions"),
    ("DELETE", "/users/ID/sessions/ID"),
    ("GET", "/sessions"),
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
fn every_route_rejects_missing_credentials_tokens_and_keys_without_the_scope() {
    let fixture = Fixture::open();
    let server = &fixture.server;
    // A token with all scopes.
    let token = server.token(&[api_key(&fixture.operator)]);
    let reader = text(&fixture.key(&["countersign:read", "admin"]), "key");
    for (method, path) in routes() {
        let send = |headers: &[_]| server.send(method, &path, headers, "");
        let missing = send(&[]);
        assert_problem(&missing, 401, "credentials_missing");
        assert!(missing.header("www-authenticate").is_some(), "{missing:?}");
        assert_problem(&send(&[api_key("cs_garbage")]), 401, "credentials_invalid");
        assert_problem(&send(&[bearer(&token)]), 403, "primary_required");
        assert_problem(&send(&[api_key(&reader)]), 403, "scope_missing");
        let two = [api_key(&fixture.operator), bearer(&token)];
        assert_problem(&send(&two), 400, "credentials_malformed");
    }
    // The token is valid elsewhere, and created nothing here.
    assert_eq!(server.status_for(&[bearer(&token)]), 200);
    let created = fixture.get("/keys")["keys"].as_array().unwrap().len();
    assert_eq!(created, 2);
}

#[test]
fn a_token_with_the_admin_scope_is_rejected() {
    let fixture = Fixture::open();
    let admin = text(&fixture.key(&["countersign:admin"]), "key");
    let token = fixture.server.token(&[api_key(&admin)]);
    let body = json!({ "name": "x", "scopes": ["countersign:admin"] }).to_string();
    let rejected = fixture
        .server
        .send("POST", "/admin/v1/keys", &[bearer(&token)], &body);
    assert_problem(&rejected, 403, "primary_required");
    let allowed = fixture
        .server
        .send("POST", "/admin/v1/keys", &[api_key(&admin)], &body);
    assert_eq!(allowed.status, 201, "{allowed:?}");
}

#[test]
fn users_and_keys_in_basic_can_administrate() {
    let fixture = Fixture::open();
    let user = json!({ "name": "ada", "password": "p", "scopes": ["countersign:admin"] });
    fixture.create("/users", &user);
    let key = fixture.key(&["countersign:admin"]);
    let pair = basic(&text(&key, "id"), &text(&key, "secret"));
    for headers in [basic("ada", "p"), pair] {
        let listed = fixture.server.get("/admin/v1/keys", &[headers]);
        assert_eq!(listed.status, 200, "{listed:?}");
    }
    let wrong = fixture.server.get("/admin/v1/keys", &[basic("ada", "q")]);
    assert_problem(&wrong, 401, "credentials_invalid");
}

#[test]
fn unsupported_methods_are_405_with_the_allowed_methods() {
    let fixture = Fixture::open();
    for (method, path, allowed) in [
        ("PATCH", "/keys", "GET,HEAD,POST"),
        ("POST", "/keys/ID", "GET,HEAD,DELETE"),
        ("GET", "/keys/ID/revoke", "POST"),
        ("POST", "/keys/ID/scopes", "PUT"),
        ("DELETE", "/audit", "GET,HEAD"),
        ("PUT", "/signing-keys/rotate", "POST"),
    ] {
        let path = path.replace("ID", ID);
        let rejected = fixture.send(&fixture.operator, method, &path, &Value::Null);
        assert_problem(&rejected, 405, "method_not_allowed");
        let mut methods: Vec<_> = rejected.header("allow").unwrap().split(',').collect();
        let mut expected: Vec<_> = allowed.split(',').collect();
        methods.sort_unstable();
        expected.sort_unstable();
        assert_eq!(methods, expected, "{method} {path}");
    }
    for path in ["/unknown", "", "/keys/ID/unknown", "/signing-keys/x"] {
        let path = path.replace("ID", ID);
        let rejected = fixture.send(&fixture.operator, "GET", &path, &Value::Null);
        assert_problem(&rejected, 404, "not_found");
    }
}

#[test]
fn invalid_queries_and_ids_are_rejected_and_unknown_cursors_find_nothing() {
    let fixture = Fixture::open();
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
            let rejected = fixture.send(&fixture.operator, "GET", &path, &Value::Null);
            assert_problem(&rejected, 400, "invalid_query");
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
            let rejected = fixture.send(&fixture.operator, method, &path, &Value::Null);
            assert_eq!(rejected.status, 400, "{path}: {rejected:?}");
        }
    }
    // A cursor is only a position and gives no access.
    let behind_all = format!("/keys?after={}", "z".repeat(32));
    assert_eq!(
        fixture.get(&behind_all),
        json!({ "keys": [], "next": null })
    );
    let all = fixture.get("/keys?limit=1000");
    assert_eq!(all["keys"].as_array().unwrap().len(), 1, "{all}");
}

#[test]
fn cross_site_requests_of_browsers_with_fetch_metadata_are_rejected() {
    let fixture = Fixture::open();
    let body = json!({ "name": "x", "scopes": [] }).to_string();
    let send = |method: &str, site_header: &str| {
        let headers = [
            api_key(&fixture.operator),
            ("sec-fetch-site", site_header.to_owned()),
        ];
        fixture
            .server
            .send(method, "/admin/v1/keys", &headers, &body)
    };
    for sec_fetch_site in ["cross-site", "same-site", "", "unknown"] {
        assert_problem(&send("POST", sec_fetch_site), 403, "cross_site");
        assert_eq!(send("GET", sec_fetch_site).status, 200, "{sec_fetch_site}");
    }
    for sec_fetch_site in ["same-origin", "none"] {
        assert_eq!(send("POST", sec_fetch_site).status, 201);
    }
}

#[test]
fn requests_of_browsers_with_another_origin_are_rejected() {
    let fixture = Fixture::open();
    let body = json!({ "name": "x", "scopes": [] }).to_string();
    let send = |method: &str, origin: String| {
        let headers = [api_key(&fixture.operator), ("origin", origin)];
        fixture
            .server
            .send(method, "/admin/v1/keys", &headers, &body)
    };
    let port = fixture.server.address().port();
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
    assert_eq!(send("POST", fixture.server.url()).status, 201);
    let created = fixture.get("/keys")["keys"].as_array().unwrap().len();
    assert_eq!(created, 2);
}

#[test]
fn the_audit_and_the_response_have_the_same_request_id() {
    let fixture = Fixture::open();
    let body = json!({ "name": "x", "scopes": [] });
    let created = fixture.expect_status(201, "POST", "/keys", &body);
    let record = &fixture.get("/audit?limit=1")["records"][0];
    let id = created.header("x-request-id").unwrap();
    assert_eq!(record["request_id"], id, "{record}");
    assert_eq!(record["action"], "key.create");
    assert_eq!(record["entity"], created.json()["id"]);
    let operator = fixture.server.get("/whoami", &[api_key(&fixture.operator)]);
    assert_eq!(record["actor"], operator.json()["credential_id"]);
}

#[test]
fn a_request_of_a_key_that_is_revoked_while_the_body_arrives_is_rejected() {
    let fixture = Fixture::open();
    let admin = fixture.key(&["countersign:admin"]);
    let body = json!({ "name": "late", "scopes": [] }).to_string();
    let (first, rest) = body.split_at(10);
    let mut slow = TcpStream::connect(fixture.server.address()).unwrap();
    let head = format!(
        "POST /admin/v1/keys HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: {}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        text(&admin, "key"),
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    // The server asks for the body after it has authenticated the head.
    let mut interim = [0; 25];
    slow.read_exact(&mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"), "{interim:?}");
    slow.write_all(first.as_bytes()).unwrap();

    fixture.post(
        &format!("/keys/{}/revoke", text(&admin, "id")),
        &Value::Null,
    );
    slow.write_all(rest.as_bytes()).unwrap();
    let mut response = String::new();
    slow.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let response = Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    };
    assert_problem(&response, 401, "credentials_invalid");
    assert!(
        response.header("www-authenticate").is_some(),
        "{response:?}"
    );
    let keys = fixture.get("/keys");
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "{keys}");
}
