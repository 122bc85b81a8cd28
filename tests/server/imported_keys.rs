//! API keys of other systems: `key digest` and `key import`.

use std::fs;

use serde_json::Value;

use crate::harness::{Home, Server, api_key, basic, bearer};

/// Generates a key, and writes the line that imports it to a file. Returns the key and the file.
fn key_with_its_file(home: &Home) -> (String, String) {
    let digest = ["key", "digest", "--name", "old", "--scopes", "calls:read"];
    let printed = home.json(&digest);
    let file = home.path().join("keys.jsonl");
    // With a byte order mark and the line breaks of Windows.
    fs::write(&file, format!("\u{feff}{}\r\n\r\n", printed["line"])).unwrap();
    let key = printed["key"].as_str().unwrap().to_owned();
    (key, file.to_str().unwrap().to_owned())
}

fn imported_id(report: &Value) -> String {
    report["imported"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn key_digest_needs_no_database() {
    let home = Home::new();
    let printed = home.json(&["key", "digest", "--name", "a", "--scopes", "a:b c:*"]);
    assert_eq!(printed["line"]["scopes"], serde_json::json!(["a:b", "c:*"]));
    let text = home.run(&["key", "digest", "--name", "a", "--scopes", "a"]);
    assert!(
        String::from_utf8_lossy(&text.stdout).contains(r#""sha256":""#),
        "{text:?}"
    );
    assert_eq!(
        home.path().read_dir().unwrap().count(),
        0,
        "a file was created"
    );
}

#[test]
fn imported_key_is_accepted_as_a_primary_credential_until_it_is_revoked() {
    let home = Home::new();
    let (key, file) = key_with_its_file(&home);
    let report = home.json(&["key", "import", &file]);
    let id = imported_id(&report);
    assert_eq!(report["already_present"], 0);
    let again = home.json(&["key", "import", &file]);
    assert_eq!(again["imported"], serde_json::json!([]));
    assert_eq!(again["already_present"], 1);

    let server = Server::start(&home, &[]);
    let presented = [api_key(&key)];
    assert_eq!(server.status_for(&presented), 200);
    let token = server.token(&presented);
    assert_eq!(server.status_for(&[bearer(&token)]), 200);
    assert_eq!(server.status_for(&[api_key(&format!("{key}x"))]), 401);

    for _ in 0..2 {
        home.run(&["pepper", "rotate"]);
        server.wait_until_accepted(&presented);
    }
    home.run(&["key", "revoke", &id]);
    drop(server);
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&presented), 401);
}

#[test]
fn rotated_imported_key_is_replaced_by_a_key_of_this_system() {
    let home = Home::new();
    let (key, file) = key_with_its_file(&home);
    let id = imported_id(&home.json(&["key", "import", &file]));
    let with_grace = home.command(&["key", "rotate", &id]).output().unwrap();
    assert_eq!(with_grace.status.code(), Some(1), "{with_grace:?}");
    let errors = String::from_utf8_lossy(&with_grace.stderr);
    assert!(errors.contains("--grace 0s"), "{errors}");
    let rotated = home.json(&["key", "rotate", &id, "--grace", "0s"]);

    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key(&key)]), 401);
    assert_eq!(
        server.status_for(&[api_key(rotated["key"].as_str().unwrap())]),
        200
    );
}

#[test]
fn import_reports_all_errors_at_once_and_imports_nothing_then() {
    let home = Home::new();
    let (_, file) = key_with_its_file(&home);
    let good = fs::read_to_string(&file).unwrap();
    let bad = r#"{"name":"a","scopes":["a"],"sha256":"canary"}"#;
    fs::write(&file, format!("{good}{bad}\n{{\n")).unwrap();
    let output = home.command(&["key", "import", &file]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    for line in ["keys.jsonl:3: sha256: ", "keys.jsonl:4: "] {
        assert!(errors.contains(line), "{line}: {errors}");
    }
    assert!(!errors.contains("canary"), "{errors}");
    assert_eq!(
        home.json(&["key", "list"]),
        serde_json::json!({ "keys": [] })
    );
}

#[test]
fn signed_token_is_not_accepted_as_an_imported_key() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read");
    let token = server.token(&[api_key(&key.key)]);
    drop(server);
    let digest = countersign::key::ImportedKey::of(token.as_bytes());
    let file = home.path().join("keys.jsonl");
    let line = serde_json::json!({ "name": "a", "scopes": ["*"], "sha256": digest.to_hex() });
    fs::write(&file, line.to_string()).unwrap();
    home.run(&["key", "import", file.to_str().unwrap()]);
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key(&token)]), 401);
}

#[test]
fn imported_user_is_accepted_with_the_password_of_the_other_system() {
    let home = Home::new();
    let file = home.path().join("users.jsonl");
    // The password is `abc123xyz`.
    let hash = "$2a$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    let line = |hash| serde_json::json!({ "name": "ada", "scopes": ["a"], "password_hash": hash });
    fs::write(&file, line(hash.replace("$12$", "$13$")).to_string()).unwrap();
    let file = file.to_str().unwrap();
    let too_expensive = home.command(&["key", "import", file]).output().unwrap();
    assert_eq!(too_expensive.status.code(), Some(1), "{too_expensive:?}");

    fs::write(file, line(hash.to_owned()).to_string()).unwrap();
    assert_eq!(
        home.json(&["key", "import", file])["imported"][0]["kind"],
        "user"
    );
    assert_eq!(home.json(&["key", "import", file])["already_present"], 1);
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[basic("ada", "abc123xyz")]), 200);
    assert_eq!(server.status_for(&[basic("ada", "abc123xyy")]), 401);
    // The hash is replaced by one of the own method when the password was presented.
    server.stop();
    let renewed = "SELECT count(*) FROM credentials WHERE password_hash LIKE '$argon2id$%'";
    assert_eq!(home.query(renewed), Some(1));
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[basic("ada", "abc123xyz")]), 200);
    assert_eq!(server.status_for(&[basic("ada", "abc123xyy")]), 401);
}

#[test]
fn key_that_is_imported_by_an_hmac_is_accepted_and_its_digest_is_replaced_when_it_is_used() {
    let home = Home::new();
    let write = |name: &str, text: &str| {
        let file = home.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    // Python: hmac.new(b"key of another system", b"secret-1-of-16-bytes", "sha256").hexdigest()
    let hmac = "2996741ad17f5551c0cac5697c693dc1a6e80eea3a522267feedd5c4e68d9a7c";
    let line = serde_json::json!({ "name": "a", "scopes": ["a"], "hmac_sha256": hmac });
    let file = write("keys.jsonl", &line.to_string());
    let without_key = home.command(&["key", "import", &file]).output().unwrap();
    assert_eq!(without_key.status.code(), Some(1), "{without_key:?}");
    let key_file = write("hmac.key", "key of another system\n");
    let import = ["key", "import", &file, "--hmac-key", &key_file];
    assert_eq!(home.json(&import)["imported"][0]["kind"], "key");
    assert_eq!(home.json(&import)["already_present"], 1);

    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key("secret-1-of-16-bytes")]), 200);
    assert_eq!(server.status_for(&[api_key("secret-2-of-16-bytes")]), 401);
    server.stop();
    let imported = "SELECT count(*) FROM credentials c JOIN peppers p ON p.version = c.pepper_version WHERE p.imported = 1";
    assert_eq!(home.query(imported), Some(0));
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key("secret-1-of-16-bytes")]), 200);
}
