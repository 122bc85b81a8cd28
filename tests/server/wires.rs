//! Every wire of a server, with the default configuration and with an own one.

use serde_json::{Value, json};

use crate::harness::{Home, Response, Server, api_key, basic, bearer};
use crate::lifecycle::wait_for_status;

/// A request to each wire: the path, whether the key is sent in a header, the body, and the JSON pointer to the token in
/// the response.
fn requests(id: &str, secret: &str, key: &str) -> [(&'static str, bool, Value, &'static str); 5] {
    [
        ("/auth/token", true, json!({}), "/data/access_token"),
        (
            "/v1/auth/token",
            true,
            json!({ "scope": ["calls:read"] }),
            "/token",
        ),
        (
            "/generate-token",
            false,
            json!({ "keyId": id, "secret": secret }),
            "/token",
        ),
        (
            "/auth/login",
            false,
            json!({ "api_key": key, "session_id": "worker-7" }),
            "/access_token",
        ),
        (
            "/api/v1/api_token",
            true,
            json!({ "token_scope": "account" }),
            "/token",
        ),
    ]
}

#[track_caller]
fn token(response: &Response, pointer: &str) -> String {
    assert_eq!(response.status, 200, "{response:?}");
    let json = response.json();
    let token = json.pointer(pointer).and_then(Value::as_str);
    token
        .unwrap_or_else(|| panic!("{pointer}: {json}"))
        .to_owned()
}

/// Posts a form, whose response must be 200; returns the body.
#[track_caller]
fn form(server: &Server, key: &str, path: &str, form: &str) -> String {
    let response = server.post(path, &[api_key(key)], form);
    assert_eq!(response.status, 200, "{path}: {response:?}");
    response.body
}

#[test]
fn every_wire_issues_a_token_that_is_accepted_until_it_is_revoked() {
    let home = Home::new();
    let user = home.json(&[
        "user",
        "create",
        "ada",
        "--scopes",
        "calls:read",
        "--generate",
    ]);
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let presented = [api_key(&key.key)];

    let mut tokens = vec![server.token(&presented)];
    for (path, in_header, body, pointer) in requests(&key.id, &key.secret, &key.key) {
        let headers = if in_header { &presented[..] } else { &[] };
        let response = server.send("POST", path, headers, &body.to_string());
        tokens.push(token(&response, pointer));
        // Below its path, the wire answers in its own format, and a bearer gets no token.
        let below = server.send("POST", &format!("{path}/x/y"), &presented, "{}");
        assert_eq!(below.status, 404, "{path}: {below:?}");
        assert!(below.json().is_object(), "{path}: {below:?}");
        let chained = server.send("POST", path, &[bearer("garbage")], "{}");
        assert_eq!(chained.status, 403, "{path}: {chained:?}");
    }
    for (at, token) in tokens.iter().enumerate() {
        let whoami = server.get("/whoami", &[bearer(token)]).json();
        assert_eq!(whoami["scheme"], "bearer", "{at}: {whoami}");
        assert_eq!(whoami["issuer"], server.url(), "{at}: {whoami}");
        // Only tokens of the wire `session` have a session id.
        assert_eq!(whoami["session_id"].is_string(), at == 4, "{at}: {whoami}");
        let introspected = form(
            &server,
            &key.key,
            "/oauth/introspect",
            &format!("token={token}"),
        );
        assert!(
            introspected.contains(r#""active":true"#),
            "{at}: {introspected}"
        );
    }

    // Users get tokens from wires that accept passwords, but not from the wire `oauth`.
    let password = basic("ada", user["password"].as_str().unwrap());
    let response = server.send("POST", "/auth/token", std::slice::from_ref(&password), "{}");
    let user_token = token(&response, "/data/access_token");
    assert_eq!(server.status_for(&[bearer(&user_token)]), 200);
    assert_eq!(server.mint(&[password]).status, 401);

    for token in &tokens[..4] {
        form(
            &server,
            &key.key,
            "/oauth/revoke",
            &format!("token={token}"),
        );
        assert_eq!(server.status_for(&[bearer(token)]), 401);
    }
}

#[test]
fn a_managed_token_is_suspended_activated_and_revoked() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let presented = [api_key(&key.key)];
    let create = json!({ "token_scope": "account", "scopes": ["calls:read"] });
    let created = server.send("POST", "/api/v1/api_token", &presented, &create.to_string());
    let jwt = token(&created, "/token");
    let path = format!(
        "/api/v1/api_token/{}",
        created.json()["details"]["id"].as_str().unwrap()
    );
    assert_eq!(
        server.get(&path, &presented).json()["details"]["status"],
        "active"
    );
    for (action, status) in [("suspend", 401), ("activate", 200), ("revoke", 401)] {
        let changed = server.send("POST", &format!("{path}/{action}"), &presented, "");
        assert_eq!(changed.status, 200, "{changed:?}");
        wait_for_status(&server, status, &[bearer(&jwt)]);
    }
    // Commands for keys do not find managed tokens.
    let id = path.rsplit('/').next().unwrap();
    let details = home.command(&["key", "show", id]).output().unwrap();
    assert_eq!(details.status.code(), Some(1), "{details:?}");
}

#[test]
fn metadata_has_the_endpoints_of_the_server() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let metadata = server
        .get("/.well-known/oauth-authorization-server", &[])
        .json();
    for (member, path) in [
        ("token_endpoint", "/oauth/token"),
        ("introspection_endpoint", "/oauth/introspect"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(
            metadata[member],
            format!("{}{path}", server.url()),
            "{metadata}"
        );
    }
}

#[test]
fn disabled_wires_are_404_and_their_managed_tokens_are_rejected() {
    let home = Home::new();
    let on = "[issuer.default]\nurl = \"https://auth.example\"\n".to_owned();
    let config = home.configure(&on);
    let server = Server::start(&home, &["--config", &config]);
    let key = server.create_key(&home, "*");
    let create = r#"{"token_scope":"account"}"#;
    let created = server.send("POST", "/api/v1/api_token", &[api_key(&key.key)], create);
    let managed = token(&created, "/token");
    assert_eq!(server.status_for(&[bearer(&managed)]), 200);
    drop(server);

    let wires = [
        "envelope",
        "scoped",
        "managed",
        "key_secret",
        "session",
        "oauth",
    ];
    let off = wires.map(|wire| format!("[issuer.default.wires.{wire}]\nenabled = false\n"));
    let config = home.configure(&(on + &off.concat()));
    let server = Server::start(&home, &["--config", &config]);
    for (path, ..) in requests("", "", "") {
        for path in [path, &format!("{path}/x")] {
            let response = server.send("POST", path, &[api_key(&key.key)], "{}");
            assert_eq!((response.status, &*response.body), (404, ""), "{path}");
        }
    }
    for path in [
        "/oauth/token",
        "/oauth/introspect",
        "/oauth/revoke",
        "/auth/sessions",
        "/.well-known/oauth-authorization-server",
    ] {
        assert_eq!(server.get(path, &[api_key(&key.key)]).status, 404, "{path}");
    }
    assert_eq!(server.get("/.well-known/jwks.json", &[]).status, 200);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
    assert_eq!(server.status_for(&[bearer(&managed)]), 401);
}

#[test]
fn settings_of_one_wire_do_not_apply_to_others() {
    let home = Home::new();
    let config = home.configure(
        "[issuer.default]\nscopes = [\"calls:*\"]\n\
         [issuer.default.wires.envelope]\npath = \"/token\"\nlifetime = \"10m\"\nerror_status = \"envelope\"\n\
         [issuer.default.wires.managed]\nscopes = [\"calls:read\"]\nlifetime = \"1d\"\nmax_lifetime = \"2d\"\n",
    );
    let server = Server::start(&home, &["--config", &config]);
    let key = server.create_key(&home, "calls:* api_token:write");
    let presented = [api_key(&key.key)];
    let narrow = [api_key(&server.create_key(&home, "calls:read").key)];
    let minted = server.send("POST", "/token", &narrow, "");
    assert_eq!(minted.json()["data"]["expires_in"], 600, "{minted:?}");
    let longer = server.send("POST", "/token", &narrow, r#"{"expireAfter":601}"#);
    assert_eq!(
        (longer.status, &longer.json()["status"]),
        (200, &json!("ERROR"))
    );
    assert_eq!(server.token(&narrow).split('.').count(), 3);

    let create = |scope: &str, end: Option<&str>| {
        let body = json!({ "token_scope": "account", "scopes": [scope], "expires_at": end });
        let path = "/api/v1/api_token";
        server.send("POST", path, &presented, &body.to_string())
    };
    let created = create("calls:read", None);
    let bearer = bearer(&token(&created, "/token"));
    assert_eq!(server.status_for(&[bearer]), 200);
    assert_eq!(create("calls:write", None).status, 422);
    // The longest lifetime is two days.
    let end = Some("9999-01-01T00:00:00Z");
    assert_eq!(create("calls:read", end).status, 422);
}

#[test]
fn challenges_name_the_metadata_of_the_protected_resource() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    for (path, scopes, bearer_methods) in [
        (
            "/api/v1/api_token",
            json!(["api_token:read", "api_token:write"]),
            json!(["header"]),
        ),
        ("/admin/v1", json!(["countersign:admin"]), json!([])),
    ] {
        let metadata = format!("/.well-known/oauth-protected-resource{path}");
        let rejected = server.get(&format!("{path}/keys"), &[bearer("invalid")]);
        assert_eq!(rejected.status, 401, "{rejected:?}");
        let named = format!("resource_metadata=\"{}{metadata}\"", server.url());
        assert!(rejected.head.contains(&named), "{rejected:?}");

        let document = server.get(&metadata, &[]);
        assert_eq!(document.header("access-control-allow-origin"), Some("*"));
        let document = document.json();
        assert_eq!(document["resource"], format!("{}{path}", server.url()));
        assert_eq!(document["scopes_supported"], scopes);
        assert_eq!(document["bearer_methods_supported"], bearer_methods);
    }
}

#[test]
fn pages_of_every_site_read_public_documents_and_nothing_else() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let allowed = "access-control-allow-origin";
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/openapi.json",
    ] {
        assert_eq!(server.get(path, &[]).header(allowed), Some("*"), "{path}");
    }
    for path in [
        "/whoami",
        "/auth/sessions",
        "/api/v1/api_token",
        "/admin/v1/keys",
    ] {
        let response = server.get(path, &[api_key(&key.key)]);
        assert_eq!(
            (response.status, response.header(allowed)),
            (200, None),
            "{path}"
        );
    }
    let form = "grant_type=client_credentials";
    let response = server.post("/oauth/token", &[api_key(&key.key)], form);
    assert_eq!((response.status, response.header(allowed)), (200, None));
}

#[test]
fn requests_of_another_site_are_rejected_unless_their_origin_is_configured() {
    let home = Home::new();
    let config = home.configure("[server]\ncors_origins = [\"https://app.example\"]\n");
    let server = Server::start(&home, &["--config", &config]);
    let key = server.create_key(&home, "*");
    for (origin, status) in [("https://app.example", 200), ("https://evil.example", 403)] {
        let headers = [
            api_key(&key.key),
            ("sec-fetch-site", "cross-site".to_owned()),
            ("origin", origin.to_owned()),
        ];
        for path in ["/auth/token", "/api/v1/api_token", "/admin/v1/keys"] {
            let body = match path {
                "/admin/v1/keys" => r#"{"name":"n","scopes":["calls:read"]}"#,
                _ => r#"{"token_scope":"account"}"#,
            };
            let response = server.send("POST", path, &headers, body);
            let expected = if path == "/admin/v1/keys" && status == 200 {
                201
            } else {
                status
            };
            assert_eq!(response.status, expected, "{origin} {path}: {response:?}");
        }
    }
}
