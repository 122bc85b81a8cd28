//! Gateways that verify tokens themselves, and do not ask the server.

use serde_json::Value;

use crate::client;
use crate::fixture::{bearer_line, key_line, ports, start_server};
use crate::gateway::{Gateway, Program};
use crate::harness::{Home, IssuedKey, Response, Server, api_key, bearer, wait_for};
use crate::service::Service;

struct Fixture {
    home: Home,
    server: Server,
    gateway: Gateway,
    key: IssuedKey,
    token: String,
    _service: Service,
}

impl Fixture {
    #[track_caller]
    fn start(program: Program, file: &str, algorithm: &str) -> Self {
        let home = Home::new();
        let server = start_server(&home, &format!("algorithm = \"{algorithm}\"\n"));
        let key = server.create_key(&home, "calls:read");
        let token = server.token(&[api_key(&key.key)]);
        let kid = countersign_tests::header(&token)["kid"]
            .as_str()
            .unwrap()
            .to_owned();
        let exported = home.run(&["signing-key", "export", "--pem", &kid]);
        let pem = String::from_utf8(exported.stdout).unwrap();
        let service = Service::start();
        let gateway = Gateway::start(
            program,
            file,
            ports(&server, &service),
            &[("countersign.pem", &pem)],
        );
        Self {
            home,
            server,
            gateway,
            key,
            token,
            _service: service,
        }
    }

    #[track_caller]
    fn send(&self, line: &str, headers: &[String]) -> Response {
        client::send(self.gateway.address(), line, headers)
    }

    #[track_caller]
    fn status(&self, line: &str, token: &str) -> u16 {
        self.send(line, &[bearer_line(token)]).status
    }
}

#[test]
fn haproxy_verifies_tokens_of_es256_with_the_exported_key() {
    check(&Fixture::start(Program::HaProxy, "jwt.cfg", "ES256"));
}

#[test]
fn envoy_verifies_tokens_with_the_key_set() {
    check(&Fixture::start(Program::Envoy, "jwt_authn.yaml", "EdDSA"));
}

#[track_caller]
fn check(fixture: &Fixture) {
    // The gateway may still fetch the keys.
    wait_for("acceptance", std::time::Duration::from_secs(30), || {
        (fixture.status("GET /calls", &fixture.token) == 200).then_some(())
    });
    let forged = [
        "Countersign-Subject: forged",
        "countersign_subject: forged",
        "COUNTERSIGN-SCOPES: forged",
    ];
    let forged = forged.iter().map(|line| (*line).to_owned());
    let headers: Vec<_> = forged.chain([bearer_line(&fixture.token)]).collect();
    let response = fixture.send("GET /calls/7", &headers);
    assert_eq!(response.status, 200, "{response:?}");
    assert!(!response.body.contains("forged"), "{response:?}");
    assert!(!response.body.contains(&fixture.token), "{response:?}");
    let head = response.body.to_ascii_lowercase();
    let subject = format!(
        "countersign-subject: {}",
        fixture.key.id.to_ascii_lowercase()
    );
    assert!(head.contains(&subject), "{response:?}");

    let flipped = flip_last_bit(&fixture.token);
    let other = fixture.server.create_key(&fixture.home, "wallet:read");
    let other = fixture.server.token(&[api_key(&other.key)]);
    assert_eq!(fixture.send("GET /calls", &[]).status, 401);
    assert_eq!(
        fixture
            .send("GET /calls", &[key_line(&fixture.key.key)])
            .status,
        401
    );
    assert_eq!(fixture.status("GET /calls", &flipped), 401);
    assert_eq!(fixture.status("GET /calls", "a.b.c"), 401);
    assert_eq!(fixture.status("GET /calls", &unsigned(&fixture.token)), 401);
    assert_eq!(fixture.status("GET /calls", &other), 403);
    assert_eq!(fixture.status("POST /calls", &fixture.token), 403);
    assert_eq!(fixture.status("GET /other", &fixture.token), 403);
    for path in [
        "/calls/../other",
        "/calls/%2e%2e/other",
        "/calls%2f..%2fother",
        "//calls/../other",
    ] {
        let status = fixture.status(&format!("GET {path}"), &fixture.token);
        assert!(matches!(status, 400 | 403), "{path}: {status}");
    }

    // This is what such a gateway cannot see.
    fixture.home.run(&["key", "revoke", &fixture.key.id]);
    wait_for("the revocation", std::time::Duration::from_secs(10), || {
        (fixture.server.status_for(&[bearer(&fixture.token)]) == 401).then_some(())
    });
    assert_eq!(fixture.status("GET /calls", &fixture.token), 200);
}

/// Changes a bit in the middle of the signature: the last characters have unused bits.
fn flip_last_bit(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    let other = if first == "A" { "B" } else { "A" };
    format!("{signed}.{other}{rest}")
}

/// Returns the token with the algorithm `none` and without a signature.
fn unsigned(token: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let mut header: Value = countersign_tests::header(token);
    header["alg"] = "none".into();
    let claims = token.split('.').nth(1).unwrap();
    format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header.to_string()))
}
