//! OAuth clients in Python and JavaScript: they discover the endpoints from the metadata, and get, use, introspect and
//! revoke a token.

use serde_json::{Value, json};

use crate::harness::{Home, IssuedKey, Language, Server};

#[test]
fn authlib_gets_uses_introspects_and_revokes_a_token_with_either_client_authentication() {
    check_client(Language::Python, "oauth");
}

#[test]
fn oauth4webapi_gets_uses_introspects_and_revokes_a_token_with_either_client_authentication() {
    check_client(Language::JavaScript, "oauth");
}

#[test]
fn openid_client_gets_uses_introspects_and_revokes_a_token_with_either_client_authentication() {
    check_client(Language::JavaScript, "openid");
}

/// Runs the program with both client authentication methods.
fn check_client(language: Language, program: &str) {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read wallet:*");
    let client = json!({"id": key.id, "secret": key.secret}).to_string();

    for method in ["client_secret_basic", "client_secret_post"] {
        let seen = language.json(program, &[&server.url(), method, "calls:read"], &client);
        check(&seen, &key, &server.url());
    }
}

/// Checks the responses that a client received.
#[track_caller]
pub(crate) fn check(seen: &Value, key: &IssuedKey, issuer: &str) {
    let (token, whoami) = (&seen["token"], &seen["whoami"]);
    assert!(
        token["token_type"]
            .as_str()
            .unwrap()
            .eq_ignore_ascii_case("bearer"),
        "{seen}"
    );
    assert_eq!(token["expires_in"], 3600, "{seen}");
    assert_eq!(whoami["subject"], key.id, "{seen}");
    assert_eq!(whoami["credential_id"], key.id, "{seen}");
    assert_eq!(whoami["scheme"], "bearer", "{seen}");
    assert_eq!(whoami["issuer"], issuer, "{seen}");
    assert_eq!(whoami["scopes"], json!(["calls:read"]), "{seen}");

    let introspection = &seen["introspection"];
    assert_eq!(introspection["active"], true, "{seen}");
    assert_eq!(introspection["client_id"], key.id, "{seen}");
    assert_eq!(introspection["scope"], "calls:read", "{seen}");
    assert_eq!(introspection["iss"], issuer, "{seen}");

    let after = &seen["after"];
    assert_eq!(after["introspection"], json!({"active": false}), "{seen}");
    assert_eq!(after["status"], 401, "{seen}");
}
