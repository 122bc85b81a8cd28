//! The first table in `docs/gateways.md`: what each gateway answers.

use countersign_tests::GatewayExample;

use crate::client;
use crate::documented::compare;
use crate::fixture::{Fixture, basic_line, bearer_line, key_line, undecidable_token};
use crate::harness::{Response, api_key};
use crate::service::{MARK, Service};

/// Paths that gateways and services could read differently.
const AMBIGUOUS: [&str; 14] = [
    "/calls/../me",
    "/calls/%2e%2e/me",
    "/calls%2f..%2fme",
    "/calls%2f7",
    "//calls",
    "/calls//7",
    "/calls/.",
    "/calls;x=/../me",
    "/calls\\me",
    "/calls%5cme",
    "/calls%00",
    "/calls%252f7",
    "/%63alls",
    "/calls#/about",
];

/// A request, with the name that it has in the table.
struct Case {
    name: String,
    line: String,
    headers: Vec<String>,
}

fn case(name: &str, line: &str, headers: &[&str]) -> Case {
    Case {
        name: name.to_owned(),
        line: line.to_owned(),
        headers: headers.iter().map(|&header| header.to_owned()).collect(),
    }
}

pub(crate) fn check(example: GatewayExample) {
    let service = Service::start();
    let fixture = Fixture::start(example, service.address());
    let mut found = Vec::new();
    let mut record = |name: &str, response: &Response| {
        found.push((name.to_owned(), response.status.to_string()));
    };
    for Case {
        name,
        line,
        headers,
    } in cases(&fixture)
    {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let before = service.requests();
        let response = fixture.send(&line, &headers);
        let arrived = service.requests() - before;
        let is_accepted = usize::from(response.status == 200);
        assert_eq!(arrived, is_accepted, "{name}: {response:?}");
        check_headers(example, &name, &response);
        record(&name, &response);
    }

    let key = key_line(&fixture.key.key);
    let wrong = basic_line(&fixture.key.id, &fixture.other.secret);
    for _ in 0..40 {
        fixture.send("GET /calls", &[&wrong]);
    }
    let throttled = "a password after many failures";
    let password = basic_line("alice", "correct horse");
    let response = fixture.send("GET /calls", &[&password]);
    check_headers(example, throttled, &response);
    record(throttled, &response);
    assert_eq!(fixture.send("GET /calls", &[&key]).status, 200);

    let Fixture {
        server, gateway, ..
    } = fixture;
    drop(server);
    let down = client::send(gateway.address(), "GET /calls", &[&key]);
    record("any, while countersign is down", &down);
    let down = client::send(gateway.address(), "GET /about", &[]);
    assert_ne!(down.status, 200, "a public path is denied, too");
    compare("request", example, &found);
}

/// Returns the requests of the table, except for those that need another state of the server.
fn cases(fixture: &Fixture) -> Vec<Case> {
    let restricted_to = |network: &str| {
        let create = ["key", "create", "--name", "t", "--scopes", "calls:read"];
        let created = fixture
            .home
            .json(&[&create[..], &["--allow-from", network]].concat());
        key_line(created["key"].as_str().unwrap())
    };
    let (elsewhere, here) = (restricted_to("192.0.2.0/24"), restricted_to("127.0.0.2/32"));
    // The server has seen both keys once it has seen the later one.
    let marker = fixture.server.create_key(&fixture.home, "calls:read");
    fixture.server.wait_until_accepted(&[api_key(&marker.key)]);
    let of_revoked = fixture.token_of(&marker);
    fixture.revoke(&marker, &of_revoked);

    let (key, token) = (&*key_line(&fixture.key.key), &*bearer_line(&fixture.token));
    let other = &*key_line(&fixture.other.key);
    let of_revoked = &*bearer_line(&of_revoked);
    let undecidable = &*bearer_line(&undecidable_token());
    let wrong = "x-api-key: wrong";
    let claims_public = [
        "x-original-uri: /about",
        "x-original-method: GET",
        "x-forwarded-uri: /about",
        "x-forwarded-method: GET",
    ];
    let claims_address = [&*elsewhere, "x-forwarded-for: 192.0.2.1"];
    let of_another_network = "a key for another network, claimed in `X-Forwarded-For`";
    let of_unreachable = "a token whose issuer's keys cannot be fetched";
    let mut cases = vec![
        case("an API key with the scope", "GET /calls/7?x=1", &[key]),
        case("a token with the scope", "GET /calls", &[token]),
        case("the same, as HEAD", "HEAD /calls", &[token]),
        case("no credentials", "GET /calls", &[]),
        case("a wrong API key", "GET /calls", &[wrong]),
        case("a token of a revoked key", "GET /calls", &[of_revoked]),
        case("an API key and a token", "GET /calls", &[key, token]),
        case("two API keys", "GET /calls", &[key, key]),
        case("without the scope", "GET /calls", &[other]),
        case("another method", "PATCH /calls", &[key]),
        case("a path that a rule denies", "GET /calls/internal/7", &[key]),
        case("a path without a rule", "GET /other", &[key]),
        case("a public path, no credentials", "GET /about", &[]),
        case("a public path, a wrong API key", "GET /about", &[wrong]),
        case(
            "headers that claim a public path",
            "GET /calls",
            &claims_public,
        ),
        case("a key for the client's network", "GET /calls", &[&here]),
        case(of_another_network, "GET /calls", &claims_address),
    ];
    let ambiguous =
        AMBIGUOUS.map(|path| case(&format!("`{path}`"), &format!("GET {path}"), &[key]));
    cases.extend(ambiguous);
    cases.push(case(of_unreachable, "GET /calls", &[undecidable]));
    cases
}

/// Checks the headers of a response, apart from its status.
#[track_caller]
fn check_headers(example: GatewayExample, name: &str, response: &Response) {
    let from_service = response.header(MARK).is_some();
    assert_eq!(from_service, response.status == 200, "{name}: {response:?}");
    let head = response.head.to_ascii_lowercase();
    if response.status == 401 {
        let challenge = response.header("www-authenticate").unwrap_or_default();
        let names_realm = challenge.contains("realm=\"countersign\"");
        assert!(names_realm, "{name}: {response:?}");
        let lines = head.lines();
        let challenges = lines.filter(|line| line.starts_with("www-authenticate:"));
        assert_eq!(challenges.count(), 1, "{name}: {response:?}");
    }
    if matches!(response.status, 401 | 429) {
        let cache_control = response.header("cache-control");
        assert_eq!(cache_control, Some("no-store"), "{name}: {response:?}");
    }
    // Over HTTP, Envoy makes a response of its own when countersign cannot decide.
    let names_wait =
        response.status == 429 || response.status == 503 && example != GatewayExample::Envoy;
    let retry_after = response.header("retry-after");
    assert_eq!(retry_after.is_some(), names_wait, "{name}: {response:?}");
    let names_caller = head.contains("countersign-subject");
    assert!(!names_caller, "{name}: {response:?}");
}
