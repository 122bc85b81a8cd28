//! The pages in Chromium: a walk by the keyboard alone, axe-core on every page, and the screenshots in `docs/dashboard`.

use std::fs;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::harness::{Home, Language, Server, api_key};

/// The folder, from the root of the repository, that the screenshots are written to, if this variable is set.
const SCREENSHOTS: &str = "COUNTERSIGN_SCREENSHOTS";

/// Fills the lists.
fn fill(fixture: &Fixture) {
    let send = |method: &str, path: &str, body: &Value| {
        let path = format!("/admin/v1{path}");
        let response = fixture.server.send(
            method,
            &path,
            &[api_key(&fixture.admin.key)],
            &body.to_string(),
        );
        assert!(response.status < 300, "{path}: {response:?}");
        if response.body.is_empty() {
            Value::Null
        } else {
            response.json()
        }
    };
    for (name, scopes) in [
        ("billing worker", json!(["calls:read", "wallet:*"])),
        ("nightly export", json!(["calls:read"])),
        ("old gateway", json!(["calls:*"])),
    ] {
        let created = send("POST", "/keys", &json!({ "name": name, "scopes": scopes }));
        let path = format!("/keys/{}", created["id"].as_str().unwrap());
        match name {
            "nightly export" => send("POST", &format!("{path}/suspend"), &json!({})),
            "old gateway" => send(
                "POST",
                &format!("{path}/revoke"),
                &json!({ "reason": "replaced" }),
            ),
            _ => send("POST", &format!("{path}/rotate"), &json!({})),
        };
    }
    for name in ["ada", "grace"] {
        let user =
            json!({ "name": name, "password": "correct horse", "scopes": ["countersign:admin"] });
        send("POST", "/users", &user);
    }
    let account = send("POST", "/accounts", &json!({ "name": "acme" }));
    let environment = json!({ "name": "test", "kind": "sandbox", "account_id": account["id"] });
    send("POST", "/environments", &environment);
    let login = json!({ "api_key": fixture.admin.key, "session_id": "console" }).to_string();
    assert_eq!(
        fixture
            .server
            .send("POST", "/auth/login", &[], &login)
            .status,
        200
    );
    let details = json!({ "token_scope": "account", "scopes": ["calls:read"] }).to_string();
    let managed = fixture.server.send(
        "POST",
        "/api/v1/api_token",
        &[api_key(&fixture.admin.key)],
        &details,
    );
    assert_eq!(managed.status, 200, "{managed:?}");
}

#[test]
fn pages_are_walked_by_the_keyboard_and_have_no_axe_violation() {
    let fixture = Fixture::open();
    fill(&fixture);
    let folder = std::env::var(SCREENSHOTS)
        .map(|folder| format!("{}/../{folder}", env!("CARGO_MANIFEST_DIR")));
    let url = fixture.server.url();
    let mut arguments = vec![&*url, &*fixture.admin.key];
    arguments.extend(folder.as_deref().ok());
    let found = Language::JavaScript.json("dashboard", &arguments, "");
    if let Ok(folder) = &folder {
        compress(folder);
    }
    // Eleven pages in two widths and two colour schemes, two dialogs, and the page of the new key.
    assert_eq!(found["pages"], 4 * 11 + 3, "{found}");
    for nothing in ["violations", "overflows", "foreign", "dialogs"] {
        assert_eq!(found[nothing], json!([]), "{nothing}: {found}");
    }
    // The browser reports the responses to wrong secrets and to an ended session.
    let errors = found["errors"].as_array().unwrap();
    let is_expected = |error: &&Value| {
        let text = error.as_str().unwrap();
        ["401", "403"]
            .iter()
            .any(|status| text.contains(&format!("status of {status}")))
    };
    let unexpected: Vec<_> = errors.iter().filter(|error| !is_expected(error)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    assert_eq!(found["accepted"], 200);
    assert_eq!(found["revoked"], 401);
    let receipt = found["receipt"].as_str().unwrap();
    assert!(
        receipt.contains("revoked. Applied by 1 of 1 node within "),
        "{receipt}"
    );
    let ended = found["ended"].as_str().unwrap();
    assert!(
        ended.contains("ended. Applied by 1 of 1 node within "),
        "{ended}"
    );
    assert_eq!(found["copied"], true);
    assert_eq!(found["storedKey"], false);
    let markup = "<img src=x onerror=alert(1)><script>alert(1)</script>";
    assert_eq!(found["name"], markup);
}

/// Makes the screenshots in a folder smaller.
fn compress(folder: &str) {
    let files = fs::read_dir(folder).unwrap();
    let paths: Vec<String> = files
        .map(|file| file.unwrap().path().to_str().unwrap().to_owned())
        .filter(|path| path.ends_with(".png"))
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    Language::JavaScript.run("picture", &paths, "");
    for path in paths {
        let size = fs::metadata(path).unwrap().len();
        assert!(size <= 80_000, "{path} has {size} bytes");
    }
}

#[test]
fn session_over_https_is_out_of_reach_of_scripts_frames_and_other_sites() {
    let home = Home::new();
    let certificate = generate_simple_self_signed(["127.0.0.1".to_owned()]);
    let CertifiedKey { cert, signing_key } = certificate.unwrap();
    let path = |name: &str| home.path().join(name);
    fs::write(path("cert.pem"), cert.pem()).unwrap();
    fs::write(path("key.pem"), signing_key.serialize_pem()).unwrap();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let config = home.configure(&format!("[server.tls]\ncert = {cert:?}\nkey = {key:?}\n"));
    let admin = home.create_key("*");
    let server = Server::start(&home, &["--config", &config]);
    let url = format!("https://{}", server.address());
    let found = Language::JavaScript.json("dashboard_https", &[&url, &admin.key], "");
    let cookie = json!({
        "name": "__Host-countersign", "secure": true, "httpOnly": true, "sameSite": "Strict", "path": "/",
        "domain": "127.0.0.1",
    });
    assert_eq!(found["cookies"], json!([cookie]));
    assert_eq!(found["readable"], "");
    assert_eq!(found["framed"], false);
    assert_eq!(found["heading"], "API keys", "the session goes on: {found}");
    assert_eq!(found["status"], 403);
}
