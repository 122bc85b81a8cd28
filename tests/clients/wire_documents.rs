//! Schemathesis against the wires `scoped` and `key_secret` with the OpenAPI documents of their vendors.
//!
//! The overlay beside each document lists where the server deviates, and why.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{Home, Server, third_party_folder};
use crate::schemathesis::{LIMITS, Run};

/// The number of requests for each document.
const EXAMPLES: u32 = 250;

const ALL_SCOPES: &str = "calls:read calls:write campaigns:read campaigns:write agents:read agents:write \
                   integrations:read integrations:write";

#[test]
fn scoped_conforms_to_its_document_for_a_key_with_all_scopes() {
    let home = Home::new();
    let configuration = home.configure(LIMITS);
    let server = Server::start(&home, &["--config", &configuration]);
    let key = server.create_key(&home, ALL_SCOPES);
    let document = apply_overlays(&home, "scoped", &[]);
    let header = format!("X-Api-Key: {}", key.key);
    assert_conforms(&home, &document, &server, vec!["--header", &header]);
}

#[test]
fn key_secret_conforms_to_its_document_with_right_and_wrong_secrets() {
    let home = Home::new();
    let configuration = home.configure(LIMITS);
    let server = Server::start(&home, &["--config", &configuration]);
    let key = server.create_key(&home, ALL_SCOPES);
    // The key of the example in the document does not exist.
    let example = json!({
        "overlay": "1.0.0",
        "info": {"title": "A key that exists", "version": "1.0.0"},
        "actions": [{
            "target": "$.paths['/generate-token'].post.requestBody.content['application/json'].example",
            "update": {"keyId": key.id, "secret": key.secret},
        }],
    });
    let document = apply_overlays(&home, "key_secret", &[example.to_string()]);
    assert_conforms(&home, &document, &server, Vec::new());
}

#[track_caller]
fn assert_conforms(home: &Home, document: &str, server: &Server, arguments: Vec<&str>) {
    let run = Run {
        document,
        configuration: "",
        arguments,
        examples: EXAMPLES,
    };
    run.assert_conforms(home, server);
}

/// Applies the overlay of a document, and others; returns the path of the result.
#[track_caller]
fn apply_overlays(home: &Home, name: &str, others: &[String]) -> String {
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
        let patched = Command::new(third_party_folder().join("venv/bin/oas-patch"))
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
