//! The commands for accounts and environments.

use crate::harness::{Home, Server, api_key, bearer};
use crate::lifecycle::{error_of, wait_for_status};

#[test]
fn keys_and_tokens_of_a_revoked_account_are_rejected() {
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
    let created = home.json(&[
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
    assert_eq!(created["account_id"], id);
    assert_eq!(created["environment_id"], environment["id"]);
    let server = Server::start(&home, &[]);
    let other = server.create_key(&home, "*");
    let key = [api_key(created["key"].as_str().unwrap())];
    let token = [bearer(&server.token(&key))];
    assert_eq!(server.status_for(&token), 200);

    assert_eq!(home.json(&["account", "revoke", id])["status"], "revoked");
    wait_for_status(&server, 401, &key);
    assert_eq!(server.status_for(&token), 401);
    assert_eq!(server.status_for(&[api_key(&other.key)]), 200);
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
    let late = error_of(&home, &late);
    assert!(late.contains("account is revoked"), "{late}");
}

#[test]
fn accounts_and_environments_are_listed_and_have_unique_names() {
    let home = Home::new();
    let first = home.json(&["account", "list"]);
    let default = &first["accounts"][0];
    assert_eq!(default["name"], "default");
    let mut account = home.json(&["account", "create", "acme"]);
    account.as_object_mut().unwrap().remove("receipt").unwrap();
    assert_eq!(home.json(&["account", "list"])["accounts"][1], account);
    let taken = error_of(&home, &["account", "create", "acme"]);
    assert!(taken.contains("an account of that name already"), "{taken}");

    let id = account["id"].as_str().unwrap();
    let create = ["environment", "create", "live", "--account", id];
    let environment = home.json(&create);
    assert_eq!(environment["kind"], "production");
    let taken = error_of(&home, &create);
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
fn unknown_ids_are_errors_that_name_the_list_command() {
    let home = Home::new();
    let unknown_id = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
    for (command, hint) in [
        (
            &["account", "show", unknown_id][..],
            "countersign account list",
        ),
        (
            &["account", "revoke", unknown_id],
            "countersign account list",
        ),
        (
            &["environment", "list", "--account", unknown_id],
            "countersign account list",
        ),
        (
            &["environment", "create", "a", "--account", unknown_id],
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
                unknown_id,
            ],
            "countersign environment list",
        ),
        (&["key", "suspend", unknown_id], "countersign key list"),
        (&["key", "rotate", unknown_id], "countersign key list"),
        (&["user", "suspend", "eve"], "countersign user list"),
        (&["signing-key", "revoke", "none"], "signing-key list"),
    ] {
        let error = error_of(&home, command);
        assert!(error.contains(hint), "{command:?}: {error}");
    }
}

#[test]
fn the_default_account_cannot_be_revoked() {
    let home = Home::new();
    let accounts = home.json(&["account", "list"]);
    let id = accounts["accounts"][0]["id"].as_str().unwrap();
    let error = error_of(&home, &["account", "revoke", id]);
    assert!(
        error.contains("the default account cannot be revoked"),
        "{error}"
    );
    assert_eq!(home.json(&["account", "show", id])["status"], "active");
}
