//! The first start of a server without configuration.

use std::fs;
use std::process::Command;

use crate::harness::{Home, Server, api_key, bearer};

/// The first `serve` prints a key and three `curl` commands.
#[test]
fn the_three_printed_curl_commands_work() {
    let details = run_the_printed_curl_commands(&Home::on_sqlite(), &[]);
    assert!(details.contains(r#""scheme":"bearer""#), "{details}");
    assert!(details.contains("unauthorized_client"), "{details}");
}

#[test]
fn the_printed_curl_commands_request_the_configured_scopes() {
    for text in [
        "[issuer.default]\nscopes = [\"calls:*\", \"wallet:read\"]\n",
        "[issuer.default.wires.oauth]\nscopes = [\"calls:*\", \"wallet:read\"]\n",
    ] {
        let home = Home::on_sqlite();
        let config = home.configure(text);
        let details = run_the_printed_curl_commands(&home, &["--config", &config]);
        let scopes = r#""scopes":["calls:*","wallet:read"]"#;
        assert!(details.contains(scopes), "{details}");
    }
}

/// Starts a server and runs the commands that it prints: two must succeed, and the third must be rejected.
#[track_caller]
fn run_the_printed_curl_commands(home: &Home, arguments: &[&str]) -> String {
    let server = Server::start(home, &[&["--print-first-key"], arguments].concat());
    let is_curl = |line: &&String| line.contains("curl ");
    let printed = server.printed(|lines| lines.iter().filter(is_curl).count() >= 3);
    let commands: Vec<String> = printed.iter().filter(is_curl).cloned().collect();
    assert_eq!(commands.len(), 3, "{printed:?}");

    // The commands are run unchanged; curl's configuration file adds the status to its output.
    let curlrc = "write-out = \"%{stderr}status %{http_code}\\n\"\n";
    fs::write(home.path().join(".curlrc"), curlrc).unwrap();
    let output = Command::new("bash")
        .args(["-c", &commands.join("\n")])
        .env("CURL_HOME", home.path())
        .env("no_proxy", "127.0.0.1")
        .current_dir(home.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let statuses: Vec<&str> = errors
        .lines()
        .filter_map(|line| line.strip_prefix("status "))
        .collect();
    assert_eq!(statuses, ["200", "200", "403"], "{output:?}");

    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_first_key_is_printed_once_and_only_on_request() {
    let home = Home::on_sqlite();
    let has_key = |lines: &[String]| lines.iter().any(|line| line.contains("cs_"));

    // Without the flag, a pipe gets the command that creates a key, but no key.
    let server = Server::start(&home, &[]);
    let printed = server.printed(|lines| lines.join("\n").contains("countersign key create"));
    assert!(!has_key(&printed), "{printed:?}");
    server.stop();

    // With the flag the key is printed, and never again, since a credential exists.
    let server = Server::start(&home, &["--print-first-key"]);
    let printed = server.printed(has_key);
    let key = first_key(&printed);
    assert_eq!(server.status_for(&[api_key(&key)]), 200);
    server.stop();

    let server = Server::start(&home, &["--print-first-key"]);
    assert_eq!(server.status_for(&[api_key(&key)]), 200);
    let lines = server.printed(|_| true);
    assert!(!has_key(&lines), "{lines:?}");
    let keys = home.json(&["key", "list"]);
    assert_eq!(keys.to_string().matches("\"id\"").count(), 1, "{keys}");
}

#[test]
fn the_database_and_the_master_key_are_readable_only_by_their_owner() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::on_sqlite();
    let _server = Server::start(&home, &[]);
    for name in ["x.db", "countersign.key"] {
        let mode = fs::metadata(home.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_bearer_never_mints_even_beside_a_key() {
    let home = Home::on_sqlite();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let token = server.token(&[api_key(&key.key)]);
    assert_eq!(server.status_for(&[bearer(&token)]), 200);

    for presented in [
        bearer(&token),
        bearer("garbage"),
        ("authorization", "Bearer".into()),
    ] {
        for headers in [
            vec![presented.clone()],
            vec![presented.clone(), api_key(&key.key)],
        ] {
            let response = server.mint(&headers);
            assert_eq!(response.status, 403, "{headers:?}: {response:?}");
            assert_eq!(response.json()["error"], "unauthorized_client");
        }
    }
    // A token that is presented as an API key is invalid.
    assert_eq!(server.mint(&[api_key(&token)]).status, 401);
}

#[test]
fn a_request_without_credentials_gets_all_challenges() {
    let home = Home::on_sqlite();
    let server = Server::start(&home, &[]);
    let response = server.get("/whoami", &[]);
    assert_eq!(response.status, 401, "{response:?}");
    for scheme in ["Bearer realm=", "ApiKey realm=", "Basic realm="] {
        assert!(response.head.contains(scheme), "{response:?}");
    }
    assert!(!response.head.contains("error="), "{response:?}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path, &[]).status, 200, "{path}");
    }
}

/// Finds the key in the output of the first start.
pub(crate) fn first_key(printed: &[String]) -> String {
    printed
        .iter()
        .flat_map(|line| {
            line.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        })
        .find(|word| word.starts_with("cs_"))
        .unwrap()
        .to_owned()
}
