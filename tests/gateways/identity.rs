//! Identity headers that a client sends never reach the service, and those of the server do. The second table in
//! `docs/gateways.md` shows what each gateway does with a forged header.

use countersign_tests::GatewayExample;

use crate::client;
use crate::documented::compare;
use crate::fixture::{Fixture, bearer_line, key_line};
use crate::harness::Response;
use crate::service::Service;

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
/// Spellings that a service could take for the header of the first one. After a prefix in capitals, the name is in
/// capitals, too.
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

fn spelled(spelling: &str, name: &str) -> String {
    match spelling.starts_with("COUNTERSIGN") {
        true => spelling.replace("NAME", &name.to_uppercase()),
        false => spelling.replace("NAME", name),
    }
}

pub(crate) fn check(example: GatewayExample) {
    let service = Service::start();
    let fixture = Fixture::start(example, service.address());
    let mut found = SPELLINGS.map(|spelling| forge(&fixture, spelling)).to_vec();
    found.push(forge_in_trailer(&fixture));
    check_own_headers(&fixture);
    check_headers_of_the_connection(&fixture);
    compare("forged header", example, &found);
}

/// Sends forged headers of this spelling, with and without credentials. Returns the row of the table.
#[track_caller]
fn forge(fixture: &Fixture, spelling: &str) -> (String, String) {
    let key = &*key_line(&fixture.key.key);
    let mut statuses = Vec::new();
    for name in NAMES {
        let header = &*format!("{}: forged", spelled(spelling, name));
        for (line, headers) in [
            ("GET /calls", &[key, header][..]),
            ("GET /calls", &[header, key, header]),
            ("GET /about", &[header]),
        ] {
            let response = fixture.send(line, headers);
            assert!(!response.body.contains("forged"), "{header}: {response:?}");
            statuses.push(response.status);
        }
    }
    let outcome = match statuses[0] {
        200 => "removed",
        // The whole request is rejected.
        400 => "400",
        other => panic!("{spelling}: {other}"),
    };
    statuses.dedup();
    assert_eq!(statuses.len(), 1, "{spelling}: {statuses:?}");
    let shown = spelled(spelling, "subject").replace('|', "\\|");
    let row = match shown.contains('`') {
        true => format!("`` {shown} ``"),
        false => format!("`{shown}`"),
    };
    (row, outcome.to_owned())
}

/// Sends a forged header after the body. Returns the row of the table.
#[track_caller]
fn forge_in_trailer(fixture: &Fixture) -> (String, String) {
    let headers = [
        "transfer-encoding: chunked",
        "trailer: countersign-subject",
        "te: trailers",
    ];
    let body = "4\r\nbody\r\n0\r\ncountersign-subject: forged\r\n\r\n";
    let gateway = fixture.gateway.address();
    let response = client::send_with_body(gateway, "POST /about", &headers, body);
    assert_eq!(response.status, 200, "{response:?}");
    let outcome = match response.body.contains("forged") {
        true => "passed on",
        false => "removed",
    };
    ("in a trailer".to_owned(), outcome.to_owned())
}

/// The service gets the identity of the caller, and no credentials.
#[track_caller]
fn check_own_headers(fixture: &Fixture) {
    let response = fixture.send("GET /calls", &[&bearer_line(&fixture.token)]);
    check_identity(fixture, &response);
    assert!(!response.body.contains(&fixture.token), "{response:?}");
    let key = key_line(&fixture.key.key);
    let forged = format!("Countersign-Subject: {}", "forged".repeat(2));
    let response = fixture.send("GET /calls", &[&key, &forged]);
    check_identity(fixture, &response);
    let secret = &fixture.key.secret;
    assert!(!response.body.contains(secret), "{response:?}");
}

/// A client cannot remove the identity, or its credentials, by calling them headers of the connection (RFC 9110 §7.6.1).
#[track_caller]
fn check_headers_of_the_connection(fixture: &Fixture) {
    let key = key_line(&fixture.key.key);
    for connection in [
        "connection: close, countersign-subject",
        "connection: close, Countersign-Subject, Countersign-Account, Countersign-Credential, Countersign-Scopes, Countersign-Scheme",
    ] {
        let response = fixture.send("GET /calls", &[&key, connection]);
        check_identity(fixture, &response);
        let received = response.body.to_ascii_lowercase();
        let mut lines = received.lines();
        let named =
            lines.find(|line| line.starts_with("connection:") && line.contains("countersign"));
        assert_eq!(named, None);
    }
    let headers = ["x-api-key: wrong", "connection: close, x-api-key"];
    assert_eq!(fixture.send("GET /calls", &headers).status, 401);
    // A gateway may remove the credentials: then it is a public request without an identity.
    let response = fixture.send("GET /about", &headers);
    assert!(matches!(response.status, 200 | 401), "{response:?}");
    let received = response.body.to_ascii_lowercase();
    assert!(!received.contains("countersign"), "{response:?}");
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
    let subject = fixture.key.id.to_ascii_lowercase();
    let subject = format!("countersign-subject: {subject}");
    assert!(head.contains(&subject), "{response:?}");
    let scopes = "countersign-scopes: calls:read";
    assert!(head.contains(scopes), "{response:?}");
}
