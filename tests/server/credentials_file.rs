//! The entries of credentials files that `key digest` and `user hash` print, and programs with the library read.

use std::fs;
use std::process::Stdio;

use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::file::FileCredentials;
use countersign::mechanism::PrimaryMechanism;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;
use countersign::{Principal, Secret};
use serde_json::Value;

use crate::harness::Home;

/// Returns the principal of accepted credentials.
fn principal(mechanism: impl PrimaryMechanism, credentials: Credentials) -> Option<Principal> {
    let authenticator = Authenticator::builder().primary(mechanism).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = authenticator.authenticate(credentials, &RequestHead::empty());
    runtime.block_on(result).ok()
}

fn secret(text: &Value) -> Secret {
    Secret::from(text.as_str().unwrap().to_owned())
}

fn hasher() -> PasswordHasher {
    PasswordHasher::new(1, SystemRandom).unwrap()
}

#[test]
fn entries_of_keys_are_accepted_in_a_credentials_file() {
    let home = Home::new();
    let digest = ["key", "digest", "--scopes", "a:b c:*", "--name"];
    let whole = home.json(&[&digest[..], &["a \"quoted\" name"]].concat());
    let with_id = home.json(&[&digest[..], &["ci", "--with-id"]].concat());
    assert_eq!(
        home.path().read_dir().unwrap().count(),
        0,
        "a file was created"
    );
    let file = home.path().join("credentials.toml");
    let entries = [&whole["entry"], &with_id["entry"]].map(|entry| entry.as_str().unwrap());
    fs::write(&file, entries.join("\n")).unwrap();
    let file = FileCredentials::open(file).unwrap();

    let accepted = principal(file.api_keys(), Credentials::key(secret(&whole["key"])));
    let accepted = accepted.unwrap();
    assert_eq!(accepted.name(), Some("a \"quoted\" name"));
    assert_eq!(accepted.scopes().as_str(), "a:b c:*");
    let accepted = principal(file.api_keys(), Credentials::key(secret(&with_id["key"])));
    assert_eq!(accepted.unwrap().subject(), with_id["id"]);
    let pair = Credentials::client(secret(&with_id["id"]), secret(&with_id["secret"]));
    assert_eq!(
        principal(file.basic(hasher()), pair).unwrap().name(),
        Some("ci")
    );
    let wrong = Credentials::key(secret(&with_id["secret"]));
    assert!(principal(file.api_keys(), wrong).is_none());
}

#[test]
fn lines_of_a_user_are_accepted_in_a_credentials_file_and_in_an_htpasswd_file() {
    let home = Home::new();
    let printed = home.json(&["user", "hash", "ada", "--scopes", "a:b", "--generate"]);
    let path = |name: &str, text: &Value| {
        let path = home.path().join(name);
        fs::write(&path, text.as_str().unwrap()).unwrap();
        path
    };
    let toml = FileCredentials::open(path("users.toml", &printed["entry"])).unwrap();
    let htpasswd = path("htpasswd", &printed["htpasswd"]);
    let htpasswd = FileCredentials::htpasswd(htpasswd, "a:b".parse().unwrap()).unwrap();
    for file in [toml, htpasswd] {
        let user = |password| {
            let name = Secret::from("ada".to_owned());
            principal(file.basic(hasher()), Credentials::user(name, password))
        };
        let accepted = user(secret(&printed["password"])).unwrap();
        assert_eq!(accepted.scopes().as_str(), "a:b");
        assert!(user(Secret::from("x".to_owned())).is_none());
    }
}

#[test]
fn text_of_the_commands_contains_the_entries_and_the_password_only_if_it_is_generated() {
    let home = Home::new();
    let digest = [
        "key",
        "digest",
        "--scopes",
        "a",
        "--name",
        "ci",
        "--with-id",
    ];
    let text = String::from_utf8(home.run(&digest).stdout).unwrap();
    assert!(
        text.contains("[[keys]]\nname = \"ci\"\nscopes = [\"a\"]\ndigest = \""),
        "{text}"
    );
    let mut command = home.command(&["user", "hash", "ada", "--scopes", "a"]);
    let mut command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = command.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"canary\n").unwrap();
    drop(input);
    let text = String::from_utf8(command.wait_with_output().unwrap().stdout).unwrap();
    assert!(
        text.contains("\nada:$argon2id$") && text.contains("[[users]]"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
}
