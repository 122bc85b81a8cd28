use std::fs;
use std::process::Command;

use crate::harness::{Home, Server, api_key, bearer};

/// The first `serve` shows a key, and three lines that can be pasted into a shell.
#[test]
fn the_three_printed_curl_lines_work_when_pasted() {
    let shown = paste_the_curl_lines(&Home::new(), &[]);
    assert!(shown.contains(r#""scheme":"bearer""#), "{shown}");
    assert!(shown.contains("unauthorized_client"), "{shown}");
}

#[test]
fn the_three_printed_curl_lines_ask_for_the_catalogue_where_there_is_one() {
    for text in [
        "[issuer.default]\nscopes = [\"calls:*\", \"wallet:read\"]\n",
        "[issuer.default.wires.oauth]\nscopes = [\"calls:*\", \"wallet:read\"]\n",
    ] {
        let home = Home::new();
        let config = home.configure(text);
        let shown = paste_the_curl_lines(&home, &["--config", &config]);
        let scopes = r#""scopes":["calls:*","wallet:read"]"#;
        assert!(shown.contains(scopes), "{shown}");
    }
}

/// Starts a server and runs what it prints: two must be answered, and the third refused.
#[track_caller]
fn paste_the_curl_lines(home: &Home, arguments: &[&str]) -> String {
    let server = Server::start(home, &[&["--print-first-key"], arguments].concat());
    let is_curl = |line: &&String| line.contains("curl ");
    let printed = server.printed(|lines| lines.iter().filter(is_curl).count() >= 3);
    let pasted: Vec<String> = printed.iter().filter(is_curl).cloned().collect();
    assert_eq!(pasted.len(), 3, "{printed:?}");

    // The lines are run as they are; curl's own configuration makes it tell the status beside.
    let curlrc = "write-out = \"%{stderr}status %{http_code}\\n\"\n";
    fs::write(home.path().join(".curlrc"), curlrc).unwrap();
    let output = Command::new("bash")
        .args(["-c", &pasted.join("\n")])
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
fn the_first_key_is_shown_once_and_only_to_who_asks() {
    let home = Home::new();
    let has_key = |lines: &[String]| lines.iter().any(|line| line.contains("cs_"));

    // Not to a pipe that did not ask: but the command that makes one is told.
    let server = Server::start(&home, &[]);
    let printed = server.printed(|lines| lines.join("\n").contains("countersign key create"));
    assert!(!has_key(&printed), "{printed:?}");
    server.stop();

    // To one that asks; and never again, since now there is a credential.
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
fn the_database_and_the_master_key_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::new();
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
fn a_bearer_never_mints_not_even_beside_a_key() {
    let home = Home::new();
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
    // Pasted where a secret belongs, it is an ordinary failure.
    assert_eq!(server.mint(&[api_key(&token)]).status, 401);
}

#[test]
fn what_presents_nothing_is_told_what_it_may_present() {
    let home = Home::new();
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

/// The key among the lines of the first start.
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
