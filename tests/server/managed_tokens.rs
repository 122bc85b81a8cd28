//! `countersign managed-token …`.

use serde_json::{Value, json};

use crate::harness::{Home, Server, api_key, basic, bearer};

/// Starts a server whose issuer keeps its URL at the next start.
fn start(home: &Home) -> Server {
    let config = home.configure("[issuer.default]\nurl = \"https://auth.example\"\n");
    Server::start(home, &["--config", &config])
}

/// Creates a managed token with these credentials. Returns its id and the token.
fn create(server: &Server, presented: (&'static str, String)) -> (String, String) {
    let request = json!({ "token_scope": "account", "scopes": ["calls:read"] });
    let created = server.send(
        "POST",
        "/api/v1/api_token",
        &[presented],
        &request.to_string(),
    );
    let created = created.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&created["details"]["id"]), text(&created["token"]))
}

#[test]
fn managed_token_is_shown_suspended_activated_revoked_and_deleted_by_commands() {
    let home = Home::new();
    let server = start(&home);
    let key = server.create_key(&home, "*");
    let (id, token) = create(&server, api_key(&key.key));
    drop(server);
    for (action, status, accepted) in [
        ("suspend", "suspended", 401),
        ("activate", "active", 200),
        ("revoke", "revoked", 401),
    ] {
        let changed = home.json(&["managed-token", action, &id]);
        assert_eq!(
            (&changed["id"], &changed["status"]),
            (&json!(id), &json!(status))
        );
        assert_eq!(home.json(&["managed-token", "show", &id])["status"], status);
        let server = start(&home);
        assert_eq!(server.status_for(&[bearer(&token)]), accepted, "{action}");
    }
    home.run(&["managed-token", "delete", &id]);
    assert_eq!(
        home.json(&["managed-token", "list"]),
        json!({ "managed_tokens": [] })
    );
    // A key is no managed token.
    let output = home
        .command(&["managed-token", "revoke", &key.id])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn managed_tokens_that_a_credential_created_are_listed_and_revoked_together() {
    let home = Home::new();
    let password = home.json(&["user", "create", "ada", "--scopes", "*", "--generate"]);
    let password = password["password"].as_str().unwrap().to_owned();
    let server = start(&home);
    let key = server.create_key(&home, "*");
    let (of_key, _) = create(&server, api_key(&key.key));
    let of_ada: Vec<_> = (0..2)
        .map(|_| create(&server, basic("ada", &password)))
        .collect();
    for (_, token) in &of_ada {
        assert_eq!(server.status_for(&[bearer(token)]), 200);
    }
    drop(server);

    let ids = |list: &Value| -> Vec<String> {
        let tokens = list["managed_tokens"].as_array().unwrap();
        tokens
            .iter()
            .map(|token| token["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let by_ada = ["managed-token", "list", "--created-by", "ada"];
    let created: Vec<_> = of_ada.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids(&home.json(&by_ada)), created);

    let revoke = [
        "managed-token",
        "revoke",
        "--created-by",
        "ada",
        "--reason",
        "leaked",
    ];
    let revoked = home.json(&revoke);
    assert_eq!(ids(&revoked), created);
    assert_eq!(ids(&home.json(&revoke)), Vec::<String>::new());
    assert_eq!(
        home.json(&["managed-token", "show", &of_key])["status"],
        "active"
    );
    let server = start(&home);
    for (_, token) in &of_ada {
        assert_eq!(server.status_for(&[bearer(token)]), 401);
    }
}

#[test]
fn all_that_a_credential_created_is_listed_and_revoked_by_one_command() {
    let home = Home::new();
    let server = start(&home);
    let leaked = server.create_key(&home, "*");
    let bystander = server.create_key(&home, "*");
    let create_key = |key: &str| {
        let new = r#"{ "name": "backdoor", "scopes": ["*"] }"#;
        let created = server.send("POST", "/admin/v1/keys", &[api_key(key)], new);
        let created = created.json();
        let member = |name: &str| created[name].as_str().unwrap().to_owned();
        (member("id"), member("key"))
    };
    let (first, key) = create_key(&leaked.key);
    let (second, _) = create_key(&key);
    let (of_leaked, _) = create(&server, api_key(&leaked.key));
    let (of_first, token) = create(&server, api_key(&key));
    create(&server, api_key(&bystander.key));
    assert_eq!(server.status_for(&[bearer(&token)]), 200);
    drop(server);

    let mut expected = [first, of_leaked, second, of_first];
    expected.sort();
    let ids = |list: &Value| -> Vec<String> {
        let credentials = list["credentials"].as_array().unwrap().iter();
        let mut ids: Vec<_> = credentials
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let list = ["credential", "list", "--created-by", &leaked.id];
    assert_eq!(ids(&home.json(&list)), expected);
    home.json(&["key", "rotate", &leaked.id, "--compromised"]);
    let revoke = ["credential", "revoke", "--created-by", &leaked.id];
    home.json(&revoke);
    let listed = home.json(&list);
    assert_eq!(ids(&listed), expected);
    for credential in listed["credentials"].as_array().unwrap() {
        assert_eq!(credential["status"], "revoked", "{credential}");
    }
    assert_eq!(ids(&home.json(&revoke)), Vec::<String>::new());

    let server = start(&home);
    assert_eq!(server.status_for(&[api_key(&key)]), 401);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);
    assert_eq!(server.status_for(&[api_key(&bystander.key)]), 200);
}
