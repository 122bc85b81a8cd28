//! The table of behaviour in `docs/gateways.md`: what each gateway answers.

use std::fs;
use std::path::Path;

use crate::fixture::{Fixture, basic_line, bearer_line, key_line, undecidable_token};
use crate::gateway::Program;
use crate::harness::{Response, api_key, bearer, wait_for};
use crate::service::MARK;

/// A request, with the name that it has in the table.
type Case = (&'static str, &'static str, Vec<String>);

#[test]
fn nginx_behaves_as_documented() {
    check(Program::Nginx, "nginx.conf", "nginx");
}

#[test]
fn caddy_behaves_as_documented() {
    check(Program::Caddy, "Caddyfile", "Caddy");
}

#[test]
fn haproxy_behaves_as_documented() {
    check(Program::HaProxy, "haproxy.cfg", "HAProxy");
}

#[test]
fn envoy_behaves_as_documented() {
    check(Program::Envoy, "ext_authz.yaml", "Envoy");
}

#[test]
fn envoy_behaves_as_documented_over_grpc() {
    check(Program::Envoy, "ext_authz_grpc.yaml", "Envoy, gRPC");
}

#[track_caller]
fn check(program: Program, file: &str, column: &str) {
    let fixture = Fixture::start(program, file);
    let mut found = Vec::new();
    for (name, line, headers) in cases(&fixture) {
        let before = fixture.service.requests();
        let response = fixture.send(line, &headers);
        let arrived = fixture.service.requests() - before;
        assert_eq!(
            arrived,
            usize::from(response.status == 200),
            "{name}: {response:?}"
        );
        check_headers(file, name, &response);
        found.push((name, response.status));
    }
    let wrong = vec![basic_line(&fixture.key.id, &fixture.other.secret)];
    for _ in 0..40 {
        fixture.send("GET /calls", &wrong);
    }
    let password = vec![basic_line("alice", "correct horse")];
    let throttled = fixture.send("GET /calls", &password);
    check_headers(file, "throttled", &throttled);
    found.push(("a password after many failures", throttled.status));
    let key = vec![key_line(&fixture.key.key)];
    assert_eq!(fixture.send("GET /calls", &key).status, 200);
    let Fixture {
        server,
        service,
        gateway,
        ..
    } = fixture;
    drop(server);
    let down = crate::client::send(gateway.address(), "GET /calls", &key);
    found.push(("any, while countersign is down", down.status));
    let down = crate::client::send(gateway.address(), "GET /about", &[]);
    assert_ne!(down.status, 200, "a public path is denied, too");
    drop((service, gateway));
    compare(column, &found);
}

/// Returns the requests of the table.
fn cases(fixture: &Fixture) -> Vec<Case> {
    let key = key_line(&fixture.key.key);
    let other = key_line(&fixture.other.key);
    let token = bearer_line(&fixture.token(&fixture.key));
    let revoked = fixture.server.create_key(&fixture.home, "calls:read");
    let of_revoked = fixture.token(&revoked);
    fixture.home.run(&["key", "revoke", &revoked.id]);
    wait_for("the revocation", std::time::Duration::from_secs(10), || {
        (fixture.server.status_for(&[bearer(&of_revoked)]) == 401).then_some(())
    });
    let restricted = fixture.home.json(&[
        "key",
        "create",
        "--name",
        "t",
        "--scopes",
        "calls:read",
        "--allow-from",
        "192.0.2.0/24",
    ]);
    let restricted = restricted["key"].as_str().unwrap().to_owned();
    let local = fixture.home.json(&[
        "key",
        "create",
        "--name",
        "t",
        "--scopes",
        "calls:read",
        "--allow-from",
        "127.0.0.2/32",
    ]);
    let local = local["key"].as_str().unwrap().to_owned();
    // The server has seen both keys once it has seen the later one.
    let marker = fixture.server.create_key(&fixture.home, "calls:read");
    fixture.server.wait_until_accepted(&[api_key(&marker.key)]);
    let line = |text: &str| text.to_owned();
    let claims_public = vec![
        line("x-original-uri: /about"),
        line("x-original-method: GET"),
        line("x-forwarded-uri: /about"),
        line("x-forwarded-method: GET"),
    ];
    vec![
        (
            "an API key with the scope",
            "GET /calls/7?x=1",
            vec![key.clone()],
        ),
        ("a token with the scope", "GET /calls", vec![token.clone()]),
        ("the same, as HEAD", "HEAD /calls", vec![token.clone()]),
        ("no credentials", "GET /calls", vec![]),
        ("a wrong API key", "GET /calls", vec![key_line("wrong")]),
        (
            "a token of a revoked key",
            "GET /calls",
            vec![bearer_line(&of_revoked)],
        ),
        (
            "an API key and a token",
            "GET /calls",
            vec![key.clone(), token.clone()],
        ),
        ("two API keys", "GET /calls", vec![key.clone(), key.clone()]),
        ("without the scope", "GET /calls", vec![other]),
        ("another method", "PATCH /calls", vec![key.clone()]),
        (
            "a path that a rule denies",
            "GET /calls/internal/7",
            vec![key.clone()],
        ),
        ("a path without a rule", "GET /other", vec![key.clone()]),
        ("a public path, no credentials", "GET /about", vec![]),
        (
            "a public path, a wrong API key",
            "GET /about",
            vec![key_line("wrong")],
        ),
        (
            "headers that claim a public path",
            "GET /calls",
            claims_public,
        ),
        (
            "a key for the client's network",
            "GET /calls",
            vec![key_line(&local)],
        ),
        (
            "a key for another network, claimed in `X-Forwarded-For`",
            "GET /calls",
            vec![key_line(&restricted), line("x-forwarded-for: 192.0.2.1")],
        ),
        ("`/calls/../me`", "GET /calls/../me", vec![key.clone()]),
        (
            "`/calls/%2e%2e/me`",
            "GET /calls/%2e%2e/me",
            vec![key.clone()],
        ),
        (
            "`/calls%2f..%2fme`",
            "GET /calls%2f..%2fme",
            vec![key.clone()],
        ),
        ("`/calls%2f7`", "GET /calls%2f7", vec![key.clone()]),
        ("`//calls`", "GET //calls", vec![key.clone()]),
        ("`/calls//7`", "GET /calls//7", vec![key.clone()]),
        ("`/calls/.`", "GET /calls/.", vec![key.clone()]),
        (
            "`/calls;x=/../me`",
            "GET /calls;x=/../me",
            vec![key.clone()],
        ),
        ("`/calls\\me`", "GET /calls\\me", vec![key.clone()]),
        ("`/calls%5cme`", "GET /calls%5cme", vec![key.clone()]),
        ("`/calls%00`", "GET /calls%00", vec![key.clone()]),
        ("`/calls%252f7`", "GET /calls%252f7", vec![key.clone()]),
        ("`/%63alls`", "GET /%63alls", vec![key.clone()]),
        ("`/calls#/about`", "GET /calls#/about", vec![key.clone()]),
        (
            "a token whose issuer's keys cannot be fetched",
            "GET /calls",
            vec![bearer_line(&undecidable_token())],
        ),
    ]
}

/// Checks the headers of a response, apart from its status.
#[track_caller]
fn check_headers(file: &str, name: &str, response: &Response) {
    let from_service = response.header(MARK).is_some();
    assert_eq!(from_service, response.status == 200, "{name}: {response:?}");
    if response.status == 401 {
        let challenge = response.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.contains("realm=\"countersign\""),
            "{name}: {response:?}"
        );
        let lines = response
            .head
            .lines()
            .filter(|line| line.to_ascii_lowercase().starts_with("www-authenticate:"));
        assert_eq!(lines.count(), 1, "{name}: {response:?}");
    }
    if matches!(response.status, 401 | 429) {
        assert_eq!(
            response.header("cache-control"),
            Some("no-store"),
            "{name}: {response:?}"
        );
    }
    // Over HTTP, Envoy makes a response of its own when countersign cannot decide.
    let tells = response.status == 429 || response.status == 503 && file != "ext_authz.yaml";
    assert_eq!(
        response.header("retry-after").is_some(),
        tells,
        "{name}: {response:?}"
    );
    assert!(
        !response
            .head
            .to_ascii_lowercase()
            .contains("countersign-subject"),
        "{name}: {response:?}"
    );
}

/// Compares what was found with this column.
#[track_caller]
fn compare(column: &str, found: &[(&str, u16)]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gateways.md");
    let text = fs::read_to_string(file).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip_while(|line| !line.starts_with("| request |"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let index = rows
        .first()
        .and_then(|head| head.iter().position(|cell| *cell == column));
    let index = index.expect("the table has the column");
    let documented: Vec<_> = rows[2..]
        .iter()
        .map(|row| (row[0], row[index].to_owned()))
        .collect();
    let found: Vec<_> = found
        .iter()
        .map(|(name, status)| (*name, status.to_string()))
        .collect();
    let lines: String = found
        .iter()
        .map(|(name, status)| format!("| {name} | {status} |\n"))
        .collect();
    assert_eq!(found, documented, "{column} answers:\n{lines}");
}
