//! Gateways that verify tokens themselves, and do not ask the server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_tests::GatewayExample;
use serde_json::Value;

use crate::fixture::{Fixture, bearer_line, key_line};
use crate::harness::wait_for;
use crate::service::Service;

#[test]
fn haproxy_verifies_tokens_of_es256_with_the_exported_key() {
    check(GatewayExample::HaProxyAlone);
}

#[test]
fn envoy_verifies_tokens_with_the_key_set() {
    check(GatewayExample::EnvoyAlone);
}

fn check(example: GatewayExample) {
    let service = Service::start();
    let fixture = Fixture::start(example, service.address());
    let token = &*fixture.token;
    // The gateway may still fetch the keys.
    wait_for("acceptance", std::time::Duration::from_secs(30), || {
        (fixture.status("GET /calls", token) == 200).then_some(())
    });
    check_identity(&fixture);
    check_rejections(&fixture);

    // This is what such a gateway cannot see.
    fixture.revoke(&fixture.key, token);
    assert_eq!(fixture.status("GET /calls", token), 200);
}

/// The service gets the identity of the token, no forged one, and no token.
#[track_caller]
fn check_identity(fixture: &Fixture) {
    let headers = [
        "Countersign-Subject: forged",
        "countersign_subject: forged",
        "COUNTERSIGN-SCOPES: forged",
        &bearer_line(&fixture.token),
    ];
    let response = fixture.send("GET /calls/7", &headers);
    assert_eq!(response.status, 200, "{response:?}");
    assert!(!response.body.contains("forged"), "{response:?}");
    assert!(!response.body.contains(&fixture.token), "{response:?}");
    let head = response.body.to_ascii_lowercase();
    let subject = fixture.key.id.to_ascii_lowercase();
    let subject = format!("countersign-subject: {subject}");
    assert!(head.contains(&subject), "{response:?}");
}

#[track_caller]
fn check_rejections(fixture: &Fixture) {
    let token = &*fixture.token;
    assert_eq!(fixture.send("GET /calls", &[]).status, 401);
    let key = key_line(&fixture.key.key);
    assert_eq!(fixture.send("GET /calls", &[&key]).status, 401);
    let other = fixture.token_of(&fixture.other);
    for (line, token, expected) in [
        ("GET /calls", &*with_another_signature(token), 401),
        ("GET /calls", "a.b.c", 401),
        ("GET /calls", &*unsigned(token), 401),
        ("GET /calls", &*other, 403),
        ("POST /calls", token, 403),
        ("GET /other", token, 403),
    ] {
        assert_eq!(fixture.status(line, token), expected, "{line} {token}");
    }
    for path in [
        "/calls/../other",
        "/calls/%2e%2e/other",
        "/calls%2f..%2fother",
        "//calls/../other",
    ] {
        let status = fixture.status(&format!("GET {path}"), token);
        assert!(matches!(status, 400 | 403), "{path}: {status}");
    }
}

/// Changes the first character of the signature: the last one has unused bits.
fn with_another_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    let other = if first == "A" { "B" } else { "A" };
    format!("{signed}.{other}{rest}")
}

/// Returns the token with the algorithm `none` and without a signature.
fn unsigned(token: &str) -> String {
    let mut header: Value = countersign_tests::header(token);
    header["alg"] = "none".into();
    let claims = token.split('.').nth(1).unwrap();
    format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header.to_string()))
}
