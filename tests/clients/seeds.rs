//! The documents of seeds 001 and 003 against the running server, by a property-based OpenAPI client.
//!
//! Each overlay beside them names where the server differs, and why.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{Home, Server, scratch};

/// Requests of each document; `SCHEMATHESIS_EXAMPLES` asks for another number.
const EXAMPLES: &str = "250";

/// Nothing is refused for being too many.
const LIMITS: &str = "[limits]\n\
    mints = { per = \"1s\", burst = 1000000 }\n\
    failed_authentications = { per = \"1s\", burst = 1000000 }\n";

const ALL: &str = "calls:read calls:write campaigns:read campaigns:write agents:read agents:write \
                   integrations:read integrations:write";

#[test]
fn document_of_seed_001_holds_for_a_key_that_holds_all_its_scopes() {
    let home = Home::new();
    let configuration = home.configure(LIMITS);
    let server = Server::start(&home, &["--config", &configuration]);
    let key = server.create_key(&home, ALL);
    let document = overlaid(&home, "seed_001", &[]);
    holds(
        &document,
        &server,
        &["--header", &format!("X-Api-Key: {}", key.key)],
    );
}

#[test]
fn document_of_seed_003_holds_with_right_and_wrong_secrets() {
    let home = Home::new();
    let configuration = home.configure(LIMITS);
    let server = Server::start(&home, &["--config", &configuration]);
    let key = server.create_key(&home, ALL);
    // The document's own example names nobody's key.
    let example = json!({
        "overlay": "1.0.0",
        "info": {"title": "A key that exists", "version": "1.0.0"},
        "actions": [{
            "target": "$.paths['/generate-token'].post.requestBody.content['application/json'].example",
            "update": {"keyId": key.id, "secret": key.secret},
        }],
    });
    let document = overlaid(&home, "seed_003", &[example.to_string()]);
    holds(&document, &server, &[]);
}

/// A document with its overlay, and others, applied.
#[track_caller]
fn overlaid(home: &Home, name: &str, others: &[String]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/openapi");
    let mut overlays = vec![folder.join(format!("{name}.overlay.yaml"))];
    for (at, other) in others.iter().enumerate() {
        let path = home.path().join(format!("{at}.json"));
        fs::write(&path, other).unwrap();
        overlays.push(path);
    }
    let mut document = folder.join(format!("{name}.yaml"));
    for (at, overlay) in overlays.iter().enumerate() {
        let result = home.path().join(format!("{name}.{at}.yaml"));
        let patched = Command::new(scratch().join("venv/bin/oas-patch"))
            .arg("overlay")
            .args([&document, overlay])
            .arg("--output")
            .arg(&result)
            .output()
            .unwrap();
        assert!(patched.status.success(), "{patched:?}");
        document = result;
    }
    document.to_str().unwrap().to_owned()
}

/// Thousands of requests, good and bad, and no answer that the document does not name.
#[track_caller]
pub(crate) fn holds(document: &str, server: &Server, arguments: &[&str]) {
    let examples = std::env::var("SCHEMATHESIS_EXAMPLES");
    let examples = examples.as_deref().unwrap_or(EXAMPLES);
    let run = Command::new(scratch().join("venv/bin/schemathesis"))
        .args(["run", document, "--url", &server.url(), "--checks", "all"])
        .args([
            "--max-examples",
            examples,
            "--seed",
            "20261122",
            "--no-color",
        ])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .args(arguments)
        // Nothing of the machine's, and nothing left behind.
        .current_dir(std::env::temp_dir())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env(
            "HYPOTHESIS_STORAGE_DIRECTORY",
            std::env::temp_dir().join("countersign-hypothesis"),
        )
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    println!("{said}");
}
