//! The programs for tokens, and for keys in a database.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use countersign::testing::{Provider, TestIssuer, TestOpaqueIssuer, TestProvider};
use countersign::time::SystemClock;

use crate::program::{Program, curl};

/// Starts a program with these arguments, and waits for so many lines.
fn start(path: &str, arguments: &[&str], lines: usize) -> Program {
    let mut command = Command::new(path);
    let secret = TestOpaqueIssuer::client_secret();
    let command = command
        .args(arguments)
        .env("CLIENT_SECRET", secret.expose());
    Program::start(command, lines)
}

impl Program {
    /// Sends `GET /calls` with a header, and returns the whole response.
    fn get_calls(&self, header: &str) -> String {
        self.send("GET /calls", header)
    }

    fn send(&self, request: &str, headers: &str) -> String {
        let address = self.lines[0].strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let head =
            format!("{request} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }
}

#[test]
fn identity_provider_accepts_its_tokens_with_the_scope_and_rejects_others() {
    let issuer = TestIssuer::start(SystemClock).unwrap();
    let arguments = [issuer.url(), TestIssuer::AUDIENCE];
    let program = start(env!("CARGO_BIN_EXE_identity_provider"), &arguments, 1);
    let bearer = |token: &str| program.get_calls(&format!("authorization: Bearer {token}"));

    let token = issuer
        .token()
        .subject("bob")
        .scope("calls:read")
        .sign()
        .unwrap();
    let accepted = bearer(&token);
    assert!(accepted.starts_with("HTTP/1.1 200"), "{accepted}");
    assert!(accepted.ends_with("the calls of bob"), "{accepted}");
    let without_scope = bearer(&issuer.token().scope("other").sign().unwrap());
    assert!(without_scope.starts_with("HTTP/1.1 403"), "{without_scope}");
    assert!(
        without_scope.contains("insufficient_scope"),
        "{without_scope}"
    );
    let forged = bearer(&format!("{token}x"));
    assert!(forged.starts_with("HTTP/1.1 401"), "{forged}");
}

fn bearer(provider: &TestProvider, roles: (&str, serde_json::Value)) -> String {
    let token = provider.token().claim(roles.0, roles.1).sign().unwrap();
    format!("authorization: Bearer {token}")
}

#[test]
fn keycloak_accepts_roles_of_the_realm_and_of_the_client() {
    let provider = TestProvider::start(Provider::Keycloak, SystemClock).unwrap();
    let arguments = [provider.url(), provider.audience()];
    let program = start(env!("CARGO_BIN_EXE_keycloak"), &arguments, 1);
    let send = |request: &str, roles: &[&str]| {
        let roles = serde_json::json!({ "roles": roles });
        program.send(request, &bearer(&provider, ("realm_access", roles)))
    };
    let users = send("GET /users", &["admin"]);
    assert!(users.ends_with("ada, bob"), "{users}");
    let forbidden = send("GET /users", &["call-reader", "not admin"]);
    assert!(forbidden.starts_with("HTTP/1.1 403"), "{forbidden}");
    let calls = send("GET /calls", &[]);
    assert!(calls.starts_with("HTTP/1.1 200"), "{calls}");
    let client = bearer(&provider, ("resource_access", serde_json::json!({})));
    let forbidden = program.send("GET /calls", &client);
    assert!(forbidden.starts_with("HTTP/1.1 403"), "{forbidden}");
}

#[test]
fn auth0_accepts_permissions_and_reads_claims_of_its_own_type() {
    let provider = TestProvider::start(Provider::Auth0, SystemClock).unwrap();
    let arguments = [provider.url(), provider.audience()];
    let program = start(env!("CARGO_BIN_EXE_auth0"), &arguments, 1);
    let accepted = program.get_calls(&bearer(
        &provider,
        ("permissions", serde_json::json!(["read:calls"])),
    ));
    assert!(accepted.ends_with("editor and auditor"), "{accepted}");
    let forbidden = program.get_calls(&bearer(
        &provider,
        ("permissions", serde_json::json!(["write:calls"])),
    ));
    assert!(forbidden.starts_with("HTTP/1.1 403"), "{forbidden}");
}

#[test]
fn optional_greets_strangers_answers_preflights_and_rejects_wrong_credentials() {
    let issuer = TestIssuer::start(SystemClock).unwrap();
    let arguments = [issuer.url(), TestIssuer::AUDIENCE];
    let program = start(env!("CARGO_BIN_EXE_optional"), &arguments, 1);
    let token = issuer
        .token()
        .subject("ada")
        .scope("calls:admin")
        .sign()
        .unwrap();
    let origin = "origin: https://app.example";

    let stranger = program.send("GET /", origin);
    assert!(stranger.ends_with("hello, stranger"), "{stranger}");
    let ada = program.send("GET /", &format!("authorization: Bearer {token}"));
    assert!(ada.ends_with("hello, ada"), "{ada}");
    let preflight = program.send(
        "OPTIONS /calls",
        &format!("{origin}\r\naccess-control-request-method: GET\r\naccess-control-request-headers: authorization"),
    );
    assert!(preflight.starts_with("HTTP/1.1 200"), "{preflight}");
    assert!(
        preflight.contains("access-control-allow-headers: authorization"),
        "{preflight}"
    );
    for (request, header) in [
        ("GET /", "authorization: Bearer wrong"),
        ("GET /", "authorization: Digest x"),
        ("GET /calls", "accept: */*"),
    ] {
        let rejected = program.send(request, &format!("{origin}\r\n{header}"));
        assert!(rejected.starts_with("HTTP/1.1 401"), "{rejected}");
        assert!(
            rejected.contains("access-control-allow-origin: https://app.example"),
            "{rejected}"
        );
    }
    let calls = program.get_calls(&format!("authorization: Bearer {token}"));
    assert!(calls.ends_with("all calls"), "{calls}");
}

#[test]
fn sqlite_keys_accepts_its_key_and_rejects_others() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("keys.db").display());
    let program = start(env!("CARGO_BIN_EXE_sqlite_keys"), &[&url], 2);
    let key = |key: &str| program.get_calls(&format!("x-api-key: {key}"));

    let accepted = key(&program.lines[1]);
    assert!(accepted.starts_with("HTTP/1.1 200"), "{accepted}");
    let rejected = key("cs_unknown");
    assert!(rejected.starts_with("HTTP/1.1 401"), "{rejected}");
    assert!(
        rejected.contains("www-authenticate: ApiKey realm="),
        "{rejected}"
    );
}

/// Starts a login page, which sets the cookie and serves one request. Cookies are those of the host, whatever the port is.
fn login_page(cookie: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
        while !request.next().unwrap().unwrap().is_empty() {}
        let head = "HTTP/1.1 204 No Content\r\nconnection: close\r\nset-cookie:";
        let attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";
        let response = format!("{head} {cookie}; {attributes}\r\n\r\n");
        stream.write_all(response.as_bytes()).unwrap();
    });
    url
}

#[test]
fn cookie_of_a_login_page_is_accepted_from_a_cookie_jar_and_rejected_from_pages_of_other_sites() {
    let issuer = TestIssuer::start(SystemClock).unwrap();
    let arguments = [issuer.url(), TestIssuer::AUDIENCE];
    let program = start(env!("CARGO_BIN_EXE_cookie"), &arguments, 1);
    let calls = program.url("/calls");
    let folder = tempfile::tempdir().unwrap();
    let jar = folder.path().join("jar").display().to_string();
    let token = issuer.token().subject("ada").sign().unwrap();
    let login = login_page(format!("__Host-token={token}"));
    assert_eq!(curl(&["--cookie-jar", &jar, &login]), " 204");

    let accepted = "the calls of ada 200";
    assert_eq!(curl(&["--cookie", &jar, &calls]), accepted);
    assert_eq!(curl(&[&calls]), " 401", "without the jar");
    let post = |header: &str| {
        curl(&[
            "--cookie",
            &jar,
            "--request",
            "POST",
            "--header",
            header,
            &calls,
        ])
    };
    let own = format!("Origin: {}", program.lines[0]);
    assert_eq!(post(&own), accepted);
    assert_eq!(post("Sec-Fetch-Site: same-origin"), accepted);
    for other in [
        "Origin: https://other.example",
        "Sec-Fetch-Site: cross-site",
        "Accept: */*",
    ] {
        assert_eq!(post(other), " 403", "{other}");
    }
    let bob = issuer.token().subject("bob").sign().unwrap();
    let bearer = format!("Authorization: Bearer {bob}");
    assert_eq!(
        post(&bearer),
        "the calls of bob 200",
        "the cookie does not count"
    );
    let wrong = "Authorization: Bearer wrong";
    assert_eq!(post(wrong), " 401", "the cookie does not count");
}

#[test]
fn opaque_tokens_accepts_what_the_issuer_calls_active_and_rejects_others() {
    let issuer = TestOpaqueIssuer::start(SystemClock).unwrap();
    let endpoint = issuer.introspection_url();
    let arguments = [
        issuer.url(),
        &endpoint,
        TestOpaqueIssuer::AUDIENCE,
        TestOpaqueIssuer::CLIENT_ID,
    ];
    let program = start(env!("CARGO_BIN_EXE_opaque_tokens"), &arguments, 1);
    let calls = program.url("/calls");
    let bearer = |token: &str| {
        let header = format!("Authorization: Bearer {token}");
        curl(&["--header", &header, &calls])
    };
    let token = issuer.issue().unwrap();
    let accepted = "the calls of alice 200";
    assert_eq!(bearer(&token), accepted);
    assert_eq!(bearer(&token), accepted);
    assert_eq!(bearer("garbage"), " 401");
    assert_eq!(issuer.introspections(), 2);
}
