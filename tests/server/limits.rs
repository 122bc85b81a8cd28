//! Configured limits and lifetimes take effect.

use crate::harness::{Home, Server, api_key, basic};

#[test]
fn too_many_wrong_passwords_are_429_and_keys_are_still_accepted() {
    let home = Home::new();
    let create = ["user", "create", "ada", "--scopes", "*", "--generate"];
    let created = home.json(&create);
    // Created before the server starts, since waiting for its acceptance would count as failures.
    let key = home.create_key("*");
    let other = home.create_key("*");
    let config = home.configure("[limits]\nfailed_authentications = { per = \"1h\", burst = 3 }\n");
    let server = Server::start(&home, &["--config", &config]);

    for _ in 0..2 {
        assert_eq!(server.status_for(&[basic("ada", "wrong")]), 401);
    }
    // Failures at all endpoints count, also those with the secret of another key.
    assert_eq!(server.mint(&[basic(&key.id, &other.secret)]).status, 401);
    let limited = server.get("/whoami", &[basic("ada", "wrong")]);
    assert_eq!(limited.status, 429, "{limited:?}");
    assert!(limited.header("retry-after").is_some(), "{limited:?}");
    let right = basic("ada", created["password"].as_str().unwrap());
    assert_eq!(server.status_for(&[right]), 429);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
}

#[test]
fn tokens_of_a_credential_are_limited_together_on_all_wires_and_issuers() {
    let home = Home::new();
    let config = home.configure(
        "[limits]\nmints = { per = \"1h\", burst = 3 }\n[issuer.default]\nurl = \"https://a.example\"\n\
         [issuer.core]\nurl = \"https://a.example/core\"\n",
    );
    let server = Server::start(&home, &["--config", &config]);
    let key = [api_key(&server.create_key(&home, "*").key)];
    let other = [api_key(&server.create_key(&home, "*").key)];
    let grant = "grant_type=client_credentials";
    assert_eq!(server.mint(&key).status, 200);
    assert_eq!(server.post("/core/oauth/token", &key, grant).status, 200);
    assert_eq!(server.send("POST", "/auth/token", &key, "").status, 200);
    for (rejected, member, word) in [
        (server.mint(&key), "error", "slow_down"),
        (
            server.send("POST", "/core/auth/token", &key, ""),
            "type",
            "RATE_LIMIT_EXCEEDED",
        ),
    ] {
        assert_eq!(rejected.status, 429, "{rejected:?}");
        assert!(rejected.header("retry-after").is_some(), "{rejected:?}");
        assert_eq!(rejected.json()[member], word, "{rejected:?}");
    }
    assert_eq!(server.mint(&other).status, 200);
    assert_eq!(server.status_for(&key), 200);
}

#[test]
fn requests_of_a_credential_to_the_administration_are_limited_and_others_are_not() {
    let home = Home::new();
    let config = home.configure("[limits]\nwrites = { per = \"1h\", burst = 3 }\n");
    let server = Server::start(&home, &["--config", &config]);
    let key = [api_key(&server.create_key(&home, "*").key)];
    let other = [api_key(&server.create_key(&home, "*").key)];
    let new = r#"{ "name": "x", "scopes": [] }"#;
    let create = |key: &[_]| server.send("POST", "/admin/v1/keys", key, new);
    for _ in 0..3 {
        assert_eq!(create(&key).status, 201);
    }
    let rejected = create(&key);
    assert_eq!(rejected.status, 429, "{rejected:?}");
    assert_eq!(rejected.json()["code"], "too_many_requests");
    let wait: u32 = rejected.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{rejected:?}");
    assert_eq!(server.get("/admin/v1/audit/verify", &key).status, 429);
    assert_eq!(server.get("/admin/v1/keys", &other).status, 200);
    let listed = home.json(&["key", "list"]);
    assert_eq!(listed["keys"].as_array().unwrap().len(), 5);
    assert_eq!(server.status_for(&key), 200);
}

#[test]
fn records_that_requests_create_are_limited_and_those_of_commands_are_not() {
    let home = Home::new();
    let config =
        home.configure("[limits]\nmanaged_tokens = 1\ncredentials = 2\nenvironments = 2\n");
    let server = Server::start(&home, &["--config", &config]);
    let key = [api_key(&server.create_key(&home, "*").key)];
    let send = |path: &str, body: &str| server.send("POST", path, &key, body);
    for (path, body, created, code) in [
        (
            "/admin/v1/keys",
            r#"{ "name": "x", "scopes": [] }"#,
            201,
            "too_many_credentials",
        ),
        (
            "/admin/v1/environments",
            r#"{ "name": "x", "kind": "sandbox" }"#,
            201,
            "too_many_environments",
        ),
        (
            "/api/v1/api_token",
            r#"{ "token_scope": "account" }"#,
            200,
            "invalid_action",
        ),
    ] {
        assert_eq!(send(path, body).status, created, "{path}");
        let rejected = send(path, body);
        assert_eq!(rejected.status, 409, "{path}: {rejected:?}");
        assert_eq!(rejected.json()["code"], code, "{path}: {rejected:?}");
    }
    let more = [
        "key", "create", "--name", "more", "--scopes", "a", "--config", &config,
    ];
    home.json(&more);
}

#[test]
fn denials_are_stored_for_the_longest_configured_token_lifetime() {
    let home = Home::new();
    let longest = "SELECT largest_lifetime FROM state";
    let config = home.configure(
        "[issuer.default]\nmax_lifetime = \"2d\"\n[issuer.default.wires.oauth]\nmax_lifetime = \"30d\"\n",
    );
    let server = Server::start(&home, &["--config", &config]);
    assert_eq!(home.query(longest), Some(30 * 24 * 3600));
    drop(server);
    // A shorter lifetime in the configuration later does not change it, since longer-lived tokens were minted.
    let server = Server::start(&home, &[]);
    assert_eq!(home.query(longest), Some(30 * 24 * 3600));
    drop(server);
}

#[test]
fn the_longest_managed_lifetime_of_all_issuers_is_stored_separately_from_denials() {
    let home = Home::new();
    let config = home.configure(
        "[issuer.default.wires.managed]\nenabled = false\nmax_lifetime = \"366d\"\n\
         [issuer.core]\nurl = \"https://a.example/core\"\n[issuer.core.wires.managed]\nmax_lifetime = \"364d\"\n",
    );
    let _server = Server::start(&home, &["--config", &config]);
    let signed = "SELECT longest_signed FROM state";
    assert_eq!(home.query(signed), Some(364 * 24 * 3600));
    assert!(home.query("SELECT largest_lifetime FROM state") < Some(2 * 24 * 3600));
}
