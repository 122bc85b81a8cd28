//! Restarts of a server on the same database.

use crate::harness::{Home, Server, api_key, basic, bearer};

#[test]
fn keys_and_tokens_are_valid_after_a_restart_and_sigterm_exits_with_0() {
    // Without `public_url`, the issuer's URL would change with the port.
    let home = Home::new();
    let config = home.configure("[server]\npublic_url = \"https://auth.example\"\n");
    let configured = ["--config", &config];

    let server = Server::start(&home, &configured);
    let key = server.create_key(&home, "*");
    let token = server.token(&[api_key(&key.key)]);
    let before = server.get("/.well-known/jwks.json", &[]).body;
    assert_eq!(
        server.get("/whoami", &[bearer(&token)]).json()["issuer"],
        "https://auth.example"
    );
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));

    let server = Server::start(&home, &configured);
    assert_eq!(server.get("/.well-known/jwks.json", &[]).body, before);
    assert_eq!(server.status_for(&[bearer(&token)]), 200);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
    assert_eq!(server.status_for(&[basic(&key.id, &key.secret)]), 200);
    server.token(&[api_key(&key.key)]);
}

#[test]
fn revocations_are_effective_after_a_restart() {
    let home = Home::new();
    let config = home.configure("[server]\npublic_url = \"https://auth.example\"\n");
    let configured = ["--config", &config];

    let server = Server::start(&home, &configured);
    let key = server.create_key(&home, "*");
    let token = server.token(&[api_key(&key.key)]);
    server.stop();

    home.run(&["key", "revoke", &key.id]);
    let server = Server::start(&home, &configured);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 401);
}
