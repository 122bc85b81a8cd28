//! Inspection and revocation of single tokens by commands.

use std::io::Write as _;
use std::process::{Output, Stdio};

use crate::harness::{Home, Server, api_key, bearer};
use crate::lifecycle::{error_of, wait_for_status};

/// Runs `countersign token …` with the token on standard input.
#[track_caller]
fn token(home: &Home, server: &Server, command: &str, token: &str) -> Output {
    let config = home.configure(&format!("[issuer.default]\nurl = \"{}\"\n", server.url()));
    let mut child = home
        .command(&["token", command, "--json", "--config", &config])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(token.as_bytes()).unwrap();
    drop(input);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn reason(home: &Home, server: &Server, presented: &str) -> serde_json::Value {
    let output = token(home, server, "inspect", presented);
    let response: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        output.status.success(),
        response["accepted"] == true,
        "{response}"
    );
    response["reason"].clone()
}

#[test]
fn a_single_token_is_revoked_and_others_of_its_key_are_not() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let revoked = server.token(&[api_key(&key.key)]);
    let other = server.token(&[api_key(&key.key)]);

    let output = token(&home, &server, "revoke", &revoked);
    assert!(output.status.success(), "{output:?}");
    let response: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(response["issuer"], server.url());
    assert!(
        response["jti"].is_string() && response["expires_at"].is_string(),
        "{response}"
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&revoked));
    wait_for_status(&server, 401, &[bearer(&revoked)]);
    assert_eq!(server.status_for(&[bearer(&other)]), 200);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);

    assert_eq!(reason(&home, &server, &revoked), "token_revoked");
    assert_eq!(reason(&home, &server, &other), serde_json::Value::Null);
    // Repeating it succeeds.
    assert!(token(&home, &server, "revoke", &revoked).status.success());
}

#[test]
fn a_token_of_a_suspended_key_is_reported_as_superseded_and_can_be_revoked() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let presented = server.token(&[api_key(&key.key)]);
    home.run(&["key", "suspend", &key.id]);
    assert_eq!(reason(&home, &server, &presented), "superseded");
    let output = token(&home, &server, "revoke", &presented);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_token_with_another_signature_is_not_denied() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let genuine = server.token(&[api_key(&key.key)]);
    let (content, _) = genuine.rsplit_once('.').unwrap();
    let other = server.token(&[api_key(&key.key)]);
    let (_, signature) = other.rsplit_once('.').unwrap();

    let output = token(&home, &server, "revoke", &format!("{content}.{signature}"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("its signature is wrong"), "{errors}");
    assert_eq!(reason(&home, &server, &genuine), serde_json::Value::Null);
}

#[test]
fn token_commands_fail_without_the_url_of_the_issuer() {
    let home = Home::new();
    let error = error_of(&home, &["token", "revoke", "a.b.c"]);
    assert!(error.contains("the issuer has no URL yet"), "{error}");
}
