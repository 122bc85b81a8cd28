//! Accounts and their environments.

use crate::harness::{Home, Server, api_key, bearer};
use crate::lifecycle::{answers, refused};

#[test]
fn a_key_of_an_account_is_dead_with_it_and_so_is_its_token() {
    let home = Home::new();
    let account = home.json(&["account", "create", "acme"]);
    assert_eq!(account["status"], "active");
    let id = account["id"].as_str().unwrap();
    let sandbox = [
        "environment",
        "create",
        "trial",
        "--kind",
        "sandbox",
        "--account",
        id,
    ];
    let environment = home.json(&sandbox);
    assert_eq!(
        (&environment["kind"], &environment["account_id"]),
        (&"sandbox".into(), &id.into())
    );
    let made = home.json(&[
        "key",
        "create",
        "--name",
        "a",
        "--scopes",
        "*",
        "--account",
        id,
        "--environment",
        environment["id"].as_str().unwrap(),
    ]);
    assert_eq!(made["account_id"], id);
    assert_eq!(made["environment_id"], environment["id"]);
    let server = Server::start(&home, &[]);
    let spared = server.create_key(&home, "*");
    let key = [api_key(made["key"].as_str().unwrap())];
    let token = [bearer(&server.token(&key))];
    assert_eq!(server.status_for(&token), 200);

    assert_eq!(home.json(&["account", "revoke", id])["status"], "revoked");
    answers(&server, 401, &key);
    assert_eq!(server.status_for(&token), 401);
    assert_eq!(server.status_for(&[api_key(&spared.key)]), 200);
    assert_eq!(home.json(&["account", "show", id])["status"], "revoked");
    let late = [
        "key",
        "create",
        "--name",
        "a",
        "--scopes",
        "*",
        "--account",
        id,
    ];
    let late = refused(&home, &late);
    assert!(late.contains("account is revoked"), "{late}");
}

#[test]
fn accounts_and_environments_are_listed_and_their_names_taken_once() {
    let home = Home::new();
    let first = home.json(&["account", "list"]);
    let default = &first["accounts"][0];
    assert_eq!(default["name"], "default");
    let account = home.json(&["account", "create", "acme"]);
    assert_eq!(home.json(&["account", "list"])["accounts"][1], account);
    let taken = refused(&home, &["account", "create", "acme"]);
    assert!(taken.contains("an account of that name already"), "{taken}");

    let id = account["id"].as_str().unwrap();
    let create = ["environment", "create", "live", "--account", id];
    let environment = home.json(&create);
    assert_eq!(environment["kind"], "production");
    let taken = refused(&home, &create);
    assert!(
        taken.contains("an environment of that name already"),
        "{taken}"
    );
    let all = home.json(&["environment", "list"]);
    assert_eq!(all["environments"].as_array().unwrap().len(), 2, "{all}");
    let own = home.json(&["environment", "list", "--account", id]);
    assert_eq!(own["environments"], serde_json::json!([environment]));
}

#[test]
fn what_is_not_there_is_an_error_that_says_where_to_look() {
    let home = Home::new();
    let nobody = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
    for (command, hint) in [
        (&["account", "show", nobody][..], "countersign account list"),
        (&["account", "revoke", nobody], "countersign account list"),
        (
            &["environment", "list", "--account", nobody],
            "countersign account list",
        ),
        (
            &["environment", "create", "a", "--account", nobody],
            "countersign account list",
        ),
        (
            &[
                "key",
                "create",
                "--name",
                "a",
                "--scopes",
                "a",
                "--environment",
                nobody,
            ],
            "countersign environment list",
        ),
        (&["key", "suspend", nobody], "countersign key list"),
        (&["key", "rotate", nobody], "countersign key list"),
        (&["user", "suspend", "eve"], "countersign user list"),
        (&["signing-key", "revoke", "none"], "signing-key list"),
    ] {
        let error = refused(&home, command);
        assert!(error.contains(hint), "{command:?}: {error}");
    }
}

#[test]
fn the_default_account_is_not_revoked() {
    let home = Home::new();
    let accounts = home.json(&["account", "list"]);
    let id = accounts["accounts"][0]["id"].as_str().unwrap();
    let error = refused(&home, &["account", "revoke", id]);
    assert!(
        error.contains("the default account cannot be revoked"),
        "{error}"
    );
    assert_eq!(home.json(&["account", "show", id])["status"], "active");
}
