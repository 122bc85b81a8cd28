//! The documents of seeds 001 and 003 against the running server, by a property-based OpenAPI client.
//!
//! Each overlay beside them names where the server differs, and why.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{Home, Server, scratch};
use crate::schemathesis::{LIMITS, Run};

/// Requests of each document.
const EXAMPLES: u32 = 250;

const ALL: &str = "calls:read calls:write campaigns:read campaigns:write agents:read agents:write \
                   integrations:read integrations:write";

#[test]
fn document_of_scoped_holds_for_a_key_that_holds_all_its_scopes() {
    let home = Home::new();
    let configuration = home.configure(LIMITS);
    let server = Server::start(&home, &["--config", &configuration]);
    let key = server.create_key(&home, ALL);
    let document = overlaid(&home, "scoped", &[]);
    let header = format!("X-Api-Key: {}", key.key);
    holds(&home, &document, &server, vec!["--header", &header]);
}

#[test]
fn document_of_key_secret_holds_with_right_and_wrong_secrets() {
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
    let document = overlaid(&home, "key_secret", &[example.to_string()]);
    holds(&home, &document, &server, Vec::new());
}

#[track_caller]
fn holds(home: &Home, document: &str, server: &Server, arguments: Vec<&str>) {
    let run = Run {
        document,
        configuration: "",
        arguments,
        examples: EXAMPLES,
    };
    run.holds(home, server);
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
