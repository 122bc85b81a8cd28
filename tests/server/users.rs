//! The commands for users.

use std::time::Duration;

use crate::harness::{Home, Server, basic, bearer, wait_for};

#[test]
fn a_user_with_a_generated_password_is_accepted_and_with_a_wrong_one_rejected() {
    let home = Home::new();
    let created = home.json(&[
        "user",
        "create",
        "ada",
        "--scopes",
        "wallet:*",
        "--generate",
    ]);
    let password = created["password"].as_str().expect("a password");
    let server = Server::start(&home, &[]);

    let whoami = server.get("/whoami", &[basic("ada", password)]);
    assert_eq!(whoami.status, 200, "{whoami:?}");
    let whoami = whoami.json();
    assert_eq!(whoami["scheme"], "basic");
    assert_eq!(whoami["subject"], created["id"]);
    assert_eq!(whoami["scopes"], serde_json::json!(["wallet:*"]));

    let wrong = server.get("/whoami", &[basic("ada", "wrong")]);
    let unknown = server.get("/whoami", &[basic("unknown", password)]);
    assert_eq!((wrong.status, unknown.status), (401, 401));
    // The responses are the same.
    assert_eq!(wrong.body, unknown.body);

    // The wire `oauth` accepts no users, and rejects bearers.
    assert_eq!(server.mint(&[basic("ada", password)]).status, 401);
    assert_eq!(server.mint(&[bearer(password)]).status, 403);
}

#[test]
fn a_user_revoked_by_name_is_listed_as_revoked_and_rejected() {
    let home = Home::new();
    let create = ["user", "create", "ada", "--scopes", "a", "--generate"];
    let created = home.json(&create);
    let presented = [basic("ada", created["password"].as_str().unwrap())];
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&presented), 200);

    assert_eq!(home.json(&["user", "revoke", "ada"])["status"], "revoked");
    let users = home.json(&["user", "list"]);
    assert_eq!(users["users"].as_array().unwrap().len(), 1, "{users}");
    assert_eq!(users["users"][0]["id"], created["id"]);
    assert_eq!(users["users"][0]["status"], "revoked");
    wait_for("the rejection", Duration::from_secs(10), || {
        (server.status_for(&presented) == 401).then_some(())
    });

    let unknown = home.command(&["user", "revoke", "eve"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    let errors = String::from_utf8_lossy(&unknown.stderr);
    assert!(errors.contains("no user of that name"), "{errors}");
}

#[test]
fn commands_for_keys_do_not_find_users() {
    let home = Home::new();
    let create = ["user", "create", "ada", "--scopes", "a", "--generate"];
    let created = home.json(&create);
    let id = created["id"].as_str().unwrap();
    for command in ["show", "revoke"] {
        let output = home.command(&["key", command, id]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("there is no key of that id"), "{errors}");
    }
    let keys = home.json(&["key", "list"]);
    assert_eq!(keys, serde_json::json!({ "keys": [] }));
    assert_eq!(home.json(&["user", "list"])["users"][0]["status"], "active");
}

#[test]
fn a_missing_password_on_standard_input_is_an_error_that_names_generate() {
    let home = Home::new();
    let output = home
        .command(&["user", "create", "ada", "--scopes", "a"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("no password came"), "{errors}");
    assert!(errors.contains("--generate"), "{errors}");
    assert_eq!(
        home.path().read_dir().unwrap().count(),
        0,
        "a file was created"
    );
}

#[test]
fn a_password_from_standard_input_is_accepted() {
    use std::io::Write as _;
    use std::process::Stdio;

    let home = Home::new();
    let mut child = home
        .command(&["user", "create", "grace", "--scopes", "calls:read"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let password = "a quite long pass phrase";
    child
        .stdin
        .take()
        .unwrap()
        // As PowerShell writes it: a byte order mark, and a line break of two characters.
        .write_all(format!("\u{feff}{password}\r\n").as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!printed.contains(password), "{printed}");

    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[basic("grace", password)]), 200);
}
