//! `/metrics`.

use crate::harness::{Home, Server, api_key, bearer, send};

#[test]
fn metrics_require_their_scope_and_contain_nothing_that_a_client_chose() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let (reader, other) = (
        server.create_key(&home, "countersign:metrics"),
        server.create_key(&home, "calls:read"),
    );
    let get = |headers: &[_]| server.get("/metrics", headers);
    assert_eq!(get(&[]).status, 401);
    assert_eq!(get(&[api_key(&other.key)]).status, 403);
    let token = server.token(&[api_key(&reader.key)]);
    assert_eq!(get(&[bearer(&token)]).status, 200);

    let revoke = server.post(
        "/oauth/revoke",
        &[api_key(&reader.key)],
        &format!("token={token}"),
    );
    assert_eq!(revoke.status, 200, "{revoke:?}");

    server.get("/canary?canary", &[("canary", "canary".to_owned())]);
    let shown = get(&[api_key(&reader.key)]);
    assert_eq!(
        shown.header("content-type"),
        Some("text/plain; version=0.0.4")
    );
    for line in [
        r#"countersign_http_requests_total{method="GET",route="/metrics",status="401"} 1"#,
        r#"countersign_http_requests_total{method="GET",route="none",status="404"} 1"#,
        r#"countersign_mints_total{wire="oauth"} 1"#,
        r#"countersign_mints_total{wire="envelope"} 0"#,
        "countersign_ready 1",
    ] {
        assert!(
            shown.body.lines().any(|found| found == line),
            "{line}: {}",
            shown.body
        );
    }
    for name in [
        "countersign_http_request_duration_seconds_bucket",
        r#"countersign_authentications_total{outcome="accepted",scheme="api_key""#,
        "countersign_requirements_total",
        "countersign_connections ",
        "countersign_view_age_seconds 0",
        "countersign_signing_key_age_seconds ",
        r#"countersign_store_duration_seconds_bucket{operation="change""#,
        r#"countersign_store_duration_seconds_bucket{operation="poll""#,
    ] {
        assert!(shown.body.contains(name), "{name}: {}", shown.body);
    }
    for secret in ["canary", &reader.id, &reader.key, &token] {
        assert!(!shown.body.contains(secret), "{secret}: {}", shown.body);
    }
}

#[test]
fn management_address_has_metrics_and_probes_without_authentication_and_nothing_else() {
    let home = Home::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let config = home.configure(&format!("[server]\nmanagement_listen = \"{address}\"\n"));
    let _server = Server::start(&home, &["--config", &config]);
    for (path, expected) in [
        ("/metrics", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/whoami", 404),
        ("/oauth/token", 404),
        ("/openapi.json", 404),
    ] {
        let response = send(address, "GET", path, &[], "");
        assert_eq!(response.status, expected, "{path}: {response:?}");
    }
}
