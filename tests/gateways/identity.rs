//! Identity headers that a client sends never reach the service, and those of the server do.

use crate::fixture::{Fixture, bearer_line, key_line};
use crate::gateway::Program;
use crate::harness::Response;

/// The names of the identity headers.
const NAMES: [&str; 7] = [
    "subject",
    "scopes",
    "scheme",
    "account",
    "environment",
    "credential",
    "issuer",
];
/// Spellings that a service could take for the header of the first one.
const SPELLINGS: [&str; 20] = [
    "countersign-NAME",
    "Countersign-NAME",
    "COUNTERSIGN-NAME",
    "cOUNTERsIGN-NAME",
    "countersign_NAME",
    "Countersign_NAME",
    "COUNTERSIGN_NAME",
    "countersign.NAME",
    "countersign~NAME",
    "countersign!NAME",
    "countersign+NAME",
    "countersign|NAME",
    "countersign*NAME",
    "countersign'NAME",
    "countersign`NAME",
    "countersign^NAME",
    "countersign$NAME",
    "countersign%NAME",
    "countersign&NAME",
    "countersign#NAME",
];

#[test]
fn nginx_passes_on_no_forged_identity() {
    check(Program::Nginx, "nginx.conf");
}

#[test]
fn caddy_passes_on_no_forged_identity() {
    check(Program::Caddy, "Caddyfile");
}

#[test]
fn haproxy_passes_on_no_forged_identity() {
    check(Program::HaProxy, "haproxy.cfg");
}

#[test]
fn envoy_passes_on_no_forged_identity() {
    check(Program::Envoy, "ext_authz.yaml");
}

#[test]
fn envoy_passes_on_no_forged_identity_over_grpc() {
    check(Program::Envoy, "ext_authz_grpc.yaml");
}

#[track_caller]
fn check(program: Program, file: &str) {
    let fixture = Fixture::start(program, file);
    let key = key_line(&fixture.key.key);
    let token = fixture.token(&fixture.key);
    let mut arrived = 0;
    for name in NAMES {
        for spelling in SPELLINGS {
            let header = format!("{}: forged", spelling.replace("NAME", name));
            for (line, headers) in [
                ("GET /calls", vec![key.clone(), header.clone()]),
                (
                    "GET /calls",
                    vec![header.clone(), key.clone(), header.clone()],
                ),
                ("GET /about", vec![header.clone()]),
            ] {
                let response = fixture.send(line, &headers);
                // A gateway may reject the whole request.
                if response.status == 200 {
                    arrived += 1;
                }
                assert!(
                    matches!(response.status, 200 | 400),
                    "{header}: {response:?}"
                );
                assert!(!response.body.contains("forged"), "{header}: {response:?}");
            }
        }
    }
    assert!(
        arrived >= 3 * NAMES.len() * 4,
        "only {arrived} requests have arrived"
    );

    let response = fixture.send("GET /calls", &[bearer_line(&token)]);
    check_identity(&fixture, &response);
    assert!(
        !response.body.contains(&token),
        "the service gets no credentials"
    );
    let upper = format!("Countersign-Subject: {}", "forged".repeat(2));
    let response = fixture.send("GET /calls", &[key.clone(), upper]);
    check_identity(&fixture, &response);
    assert!(
        !response.body.contains(&fixture.key.secret),
        "the service gets no credentials"
    );
    // A client cannot remove the identity by calling it a header of the connection (RFC 9110 §7.6.1).
    for connection in [
        "close, countersign-subject",
        "close, Countersign-Subject, Countersign-Account, Countersign-Credential, Countersign-Scopes, Countersign-Scheme",
    ] {
        let headers = [key.clone(), format!("connection: {connection}")];
        let response = fixture.send("GET /calls", &headers);
        check_identity(&fixture, &response);
        let listed = response.body.to_ascii_lowercase();
        let listed = listed
            .lines()
            .find(|line| line.starts_with("connection:") && line.contains("countersign"));
        assert_eq!(listed, None, "{program:?}");
    }
    // Nor can it hide its credentials from the server.
    let headers = [
        "x-api-key: wrong".to_owned(),
        "connection: close, x-api-key".to_owned(),
    ];
    assert_eq!(fixture.send("GET /calls", &headers).status, 401);
    // A gateway may remove the credentials: then it is a public request without an identity.
    let response = fixture.send("GET /about", &headers);
    assert!(matches!(response.status, 200 | 401), "{response:?}");
    let told = response.body.to_ascii_lowercase().contains("countersign");
    assert!(!told, "{response:?}");
}

/// Checks that the service has got the identity of the key, each header once.
#[track_caller]
fn check_identity(fixture: &Fixture, response: &Response) {
    assert_eq!(response.status, 200, "{response:?}");
    let head = response.body.to_ascii_lowercase();
    let lines = head.lines().filter(|line| line.starts_with("countersign"));
    let mut names: Vec<_> = lines.map(|line| line.split(':').next().unwrap()).collect();
    names.sort_unstable();
    names.retain(|name| !matches!(*name, "countersign-issuer" | "countersign-environment"));
    let expected = [
        "countersign-account",
        "countersign-credential",
        "countersign-scheme",
        "countersign-scopes",
        "countersign-subject",
    ];
    assert_eq!(names, expected, "{response:?}");
    let subject = format!(
        "countersign-subject: {}",
        fixture.key.id.to_ascii_lowercase()
    );
    assert!(head.contains(&subject), "{response:?}");
    assert!(
        head.contains("countersign-scopes: calls:read"),
        "{response:?}"
    );
}
