//! Single tokens, looked at and revoked.

use std::io::Write as _;
use std::process::{Output, Stdio};

use crate::harness::{Home, Server, api_key, bearer};
use crate::lifecycle::{answers, refused};

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
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        output.status.success(),
        answer["accepted"] == true,
        "{answer}"
    );
    answer["reason"].clone()
}

#[test]
fn a_single_token_is_revoked_and_no_other_of_its_key() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let revoked = server.token(&[api_key(&key.key)]);
    let spared = server.token(&[api_key(&key.key)]);

    let output = token(&home, &server, "revoke", &revoked);
    assert!(output.status.success(), "{output:?}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["issuer"], server.url());
    assert!(
        answer["jti"].is_string() && answer["expires_at"].is_string(),
        "{answer}"
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&revoked));
    answers(&server, 401, &[bearer(&revoked)]);
    assert_eq!(server.status_for(&[bearer(&spared)]), 200);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);

    assert_eq!(reason(&home, &server, &revoked), "token_revoked");
    assert_eq!(reason(&home, &server, &spared), serde_json::Value::Null);
    // Once more is no mistake.
    assert!(token(&home, &server, "revoke", &revoked).status.success());
}

#[test]
fn a_token_of_a_suspended_key_is_explained_and_can_be_revoked_all_the_same() {
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
fn a_token_whose_signature_is_not_ours_is_not_denied() {
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
fn without_an_issuers_url_no_token_is_judged() {
    let home = Home::new();
    let error = refused(&home, &["token", "revoke", "a.b.c"]);
    assert!(error.contains("the issuer has no URL yet"), "{error}");
}
