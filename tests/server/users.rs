use crate::harness::{Home, Server, basic, bearer};

#[test]
fn a_user_with_a_generated_password_logs_in_and_a_wrong_one_does_not() {
    let home = Home::new();
    let made = home.json(&[
        "user",
        "create",
        "ada",
        "--scopes",
        "wallet:*",
        "--generate",
    ]);
    let password = made["password"].as_str().expect("a password, shown once");
    let server = Server::start(&home, &[]);

    let whoami = server.get("/whoami", &[basic("ada", password)]);
    assert_eq!(whoami.status, 200, "{whoami:?}");
    let whoami = whoami.json();
    assert_eq!(whoami["scheme"], "basic");
    assert_eq!(whoami["subject"], made["id"]);
    assert_eq!(whoami["scopes"], serde_json::json!(["wallet:*"]));

    let wrong = server.get("/whoami", &[basic("ada", "wrong")]);
    let unknown = server.get("/whoami", &[basic("nobody", password)]);
    assert_eq!((wrong.status, unknown.status), (401, 401));
    // Nothing tells one from the other.
    assert_eq!(wrong.body, unknown.body);

    // This wire takes no passwords; and what looks like a token never mints.
    assert_eq!(server.mint(&[basic("ada", password)]).status, 401);
    assert_eq!(server.mint(&[bearer(password)]).status, 403);
}

#[test]
fn a_password_from_standard_input_works() {
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
        .write_all(format!("{password}\n").as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!printed.contains(password), "{printed}");

    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[basic("grace", password)]), 200);
}
