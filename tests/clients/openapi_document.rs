//! The document at `/openapi.json`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Home, Server};

#[test]
fn document_is_public_and_cacheable_and_read_only() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let response = server.get("/openapi.json", &[]);
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(
        response.header("cache-control"),
        Some("public, max-age=300")
    );
    let tag = response.header("etag").unwrap().to_owned();
    let again = server.get("/openapi.json", &[("if-none-match", tag)]);
    assert_eq!(again.status, 304);
    let rejected = server.send("POST", "/openapi.json", &[], "");
    assert_eq!(rejected.status, 405);
    assert_eq!(rejected.header("allow"), Some("GET, HEAD"));
}

#[test]
fn references_resolve_and_operations_have_unique_ids_summaries_and_security() {
    let home = Home::new();
    let configuration = home.configure(TWO_ISSUERS);
    let document = document(&home, &["--config", &configuration]);
    for reference in references(&document) {
        let pointer = reference.strip_prefix('#').expect(reference);
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["bearer"]["scheme"], "bearer");
    assert_eq!(schemes["bearer"]["bearerFormat"], "JWT");
    assert_eq!(schemes["api_key"]["name"], "x-api-key");
    assert_eq!(schemes["basic"]["scheme"], "basic");
    let mut names = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect(&name);
        assert!(names.insert(id), "two operations have the id {id}");
        assert!(operation["summary"].as_str().is_some(), "{name}");
        assert!(operation["tags"][0].as_str().is_some(), "{name}");
        assert!(
            !operation["responses"].as_object().unwrap().is_empty(),
            "{name}"
        );
        let named = name.split('/').filter(|segment| segment.starts_with('{'));
        let in_path = |parameter: &&Value| parameter["in"] == "path";
        let parameters = operation["parameters"].as_array();
        let parameters = parameters.into_iter().flatten().filter(in_path);
        let parameters: Vec<_> = parameters
            .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
            .collect();
        assert_eq!(named.collect::<Vec<_>>(), parameters, "{name}");
        for requirement in operation["security"].as_array().expect(&name) {
            for scheme in requirement.as_object().unwrap().keys() {
                assert!(schemes[scheme].is_object(), "{name}: {scheme}");
            }
        }
    }
}

#[test]
fn paths_are_those_that_each_issuer_has_configured() {
    let home = Home::new();
    let configuration = home.configure(TWO_ISSUERS);
    let document = document(&home, &["--config", &configuration]);
    let all: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for present in [
        "POST /v1/auth/token",
        "POST /elsewhere",
        "POST /pay/generate-token",
        "GET /pay/whoami",
        "GET /pay/.well-known/oauth-authorization-server",
        "GET /.well-known/oauth-authorization-server/pay",
        "DELETE /auth/sessions/{id}",
        "POST /api/v1/api_token/{id}/suspend",
        "GET /admin/v1/keys",
        "GET /openapi.json",
    ] {
        assert!(all.contains(present), "{present}: {all:?}");
    }
    for absent in [
        "POST /auth/token",
        "POST /generate-token",
        "POST /pay/v1/auth/token",
    ] {
        assert!(!all.contains(absent), "{absent}");
    }
    let scopes = &document["paths"]["/v1/auth/token"]["post"]["requestBody"]["content"]["application/json"]
        ["schema"]["properties"]["scope"]["items"]["enum"];
    assert_eq!(*scopes, serde_json::json!(["calls:read", "calls:write"]));
}

/// Two issuers: one with another path for the wire `envelope` and without `key_secret`, one without `scoped`.
const TWO_ISSUERS: &str = r#"
[issuer.default]
url = "http://127.0.0.1:1"
[issuer.default.wires.envelope]
path = "/elsewhere"
[issuer.default.wires.key_secret]
enabled = false
[issuer.default.wires.scoped]
scopes = ["calls:read", "calls:write"]
[issuer.pay]
url = "http://127.0.0.1:1/pay"
[issuer.pay.wires.scoped]
enabled = false
"#;

fn document(home: &Home, arguments: &[&str]) -> Value {
    let server = Server::start(home, arguments);
    server.get("/openapi.json", &[]).json()
}

/// Returns all operations with their names, such as `GET /whoami`.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    assert!(operations.len() > 50, "{}", operations.len());
    operations
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            let inner = members.values().flat_map(references);
            own.into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
