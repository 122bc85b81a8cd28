//! A server, a service, and a gateway between clients and the service.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::time::{Clock as _, SystemClock};
use serde_json::json;

use crate::client;
use crate::gateway::{Gateway, Ports, Program};
use crate::harness::{Home, IssuedKey, Response, Server, api_key};
use crate::service::Service;

/// The URL of an external issuer whose keys cannot be fetched.
const UNREACHABLE: &str = "http://127.0.0.1:1";

pub(crate) struct Fixture {
    pub(crate) home: Home,
    pub(crate) server: Server,
    pub(crate) service: Service,
    pub(crate) gateway: Gateway,
    /// A key with the scope `calls:read`.
    pub(crate) key: IssuedKey,
    /// A key with the scope `wallet:read`.
    pub(crate) other: IssuedKey,
}

impl Fixture {
    /// Starts a gateway that asks the server.
    #[track_caller]
    pub(crate) fn start(program: Program, file: &str) -> Self {
        let home = Home::new();
        let server = start_server(&home, "");
        let key = server.create_key(&home, "calls:read");
        let other = server.create_key(&home, "wallet:read");
        let service = Service::start();
        let ports = ports(&server, &service);
        let gateway = Gateway::start(program, file, ports, &[]);
        Self {
            home,
            server,
            service,
            gateway,
            key,
            other,
        }
    }

    /// Sends a request through the gateway.
    #[track_caller]
    pub(crate) fn send(&self, line: &str, headers: &[String]) -> Response {
        client::send(self.gateway.address(), line, headers)
    }

    /// Mints a token of a key.
    pub(crate) fn token(&self, key: &IssuedKey) -> String {
        self.server.token(&[api_key(&key.key)])
    }
}

/// Starts a server with the configuration of the examples and these lines for its issuer. It listens on another port, and
/// trusts a further issuer, whose keys cannot be fetched.
#[track_caller]
pub(crate) fn start_server(home: &Home, of_issuer: &str) -> Server {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/gateways/countersign.toml");
    let text = fs::read_to_string(file).unwrap();
    let section = "[issuer.default]\n";
    assert!(text.contains(section));
    let text = text.replace(section, &format!("{section}{of_issuer}"));
    let trust = format!("[trust.staff]\nissuer = \"{UNREACHABLE}\"\naudience = \"a\"\n");
    let config = home.configure(&format!("{text}\n{trust}"));
    Server::start(home, &["--config", &config])
}

pub(crate) fn ports(server: &Server, service: &Service) -> Ports {
    Ports {
        server: server.address().port(),
        service: service.port(),
    }
}

pub(crate) fn key_line(key: &str) -> String {
    format!("x-api-key: {key}")
}

pub(crate) fn bearer_line(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

pub(crate) fn basic_line(name: &str, password: &str) -> String {
    format!(
        "authorization: Basic {}",
        STANDARD.encode(format!("{name}:{password}"))
    )
}

/// Returns a token of the issuer whose keys cannot be fetched.
pub(crate) fn undecidable_token() -> String {
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "k" });
    let now = SystemClock.now().unix_millis() / 1000;
    let claims =
        json!({ "iss": UNREACHABLE, "aud": "a", "sub": "s", "iat": now, "exp": now + 600 });
    let part = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let (header, claims) = (header.to_string(), claims.to_string());
    format!(
        "{}.{}.{}",
        part(header.as_bytes()),
        part(claims.as_bytes()),
        part(&[0; 64])
    )
}
